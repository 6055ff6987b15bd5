"""One who wants a lease, and holds it as long as it can be renewed.

Theory of operation. A lease is asked for, and asked for again a third of its time later, for as long as it is wanted.
A grant is trusted from the moment at which it was *asked for*, not answered, until its time is over but for a margin:
the store's clock began to count later, and may run that much faster than ours. So a holder that was paused, or whose
store does not answer, knows by its own clock alone that it has lost the lease, before anybody else can have it. What
was granted to nobody who wants it any more is given back; what may have been granted, without an answer, runs out.

The contract is that of Pekko's `Lease.scala`; to trust a lease from when it was asked for is due to Gray and Cheriton:
"Leases" (1989).

Invariants: a lease is held only while it is wanted; while it is held its end is known.
"""

from dataclasses import dataclass
from typing import final

from casty.spi.lease import LeaseGrant

RENEWALS = 3
"""Times that a lease is renewed in its time."""
RETRIES = 9
"""Times that a failed renewal is tried again in its time."""
MARGIN = 1 / 6
"""The share of its time that a holder does not count on."""


@dataclass(frozen=True, slots=True)
class Acquire:
    """The lease is wanted from now on."""


@dataclass(frozen=True, slots=True)
class Release:
    """The lease is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the store said to the last `Ask`; None: somebody else has the lease."""

    grant: LeaseGrant | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The last `Ask` failed, and may have been granted all the same."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The next deadline has come."""


type Input = Acquire | Release | Answered | Failed | Tick


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the store for the lease."""

    attempt: int
    """Part of the owner's name. It grows when a lease is given back: that may come late, and must not take away what
    the same holder has been granted since.
    """


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Tell the store, which may fail."""

    token: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The lease is held from now on."""

    token: int


@dataclass(frozen=True, slots=True)
class Denied:
    """The lease is not held, and not wanted any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The lease was held, and is not any more."""

    reason: str


type Effect = Ask | GiveBack | Granted | Denied | Lost


@final
class LeaseHolder:
    """`seconds` is the time that the lease is asked for."""

    __slots__ = ("_ask_at", "_asked_at", "_attempt", "_seconds", "_token", "_until", "_wanted")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._wanted = False
        self._attempt = 1
        self._token: int | None = None
        """Only while the lease is held."""
        self._until = 0.0
        self._ask_at = 0.0
        self._asked_at: float | None = None
        """When the store was asked that has not answered yet."""

    @property
    def token(self) -> int | None:
        """None: the lease is not held. While it is, `check` tells whether it may still be counted on."""
        return self._token

    def check(self, now: float) -> bool:
        """Whether nobody else can have the lease now."""
        return self._token is not None and now < self._until

    def next_deadline(self) -> float | None:
        if self._token is None:
            return None
        return self._until if self._asked_at is not None else min(self._ask_at, self._until)

    def handle(self, given: Input, now: float) -> list[Effect]:
        match given:
            case Acquire():
                if self._wanted:
                    return []
                self._wanted = True
                return self._ask(now)
            case Release():
                return self._give_up()
            case Answered(grant):
                return self._answered(grant, now)
            case Failed(reason):
                return self._failed(reason, now)
            case Tick():
                if self._token is not None and now >= self._until:
                    return [*self._give_up(), Lost("it could not be renewed in time")]
                return self._ask(now) if self._token is not None and now >= self._ask_at else []

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self._token is None or self._wanted, self._token
        assert self._token is None or self._until > 0.0, self._until

    def _ask(self, now: float) -> list[Effect]:
        if self._asked_at is not None:
            return []
        self._asked_at = now
        return [Ask(self._attempt)]

    def _give_up(self) -> list[Effect]:
        """What is on its way to the store is given back when it is answered."""
        token, self._token, self._wanted = self._token, None, False
        return self._give_back(token) if token is not None and self._asked_at is None else []

    def _give_back(self, token: int) -> list[Effect]:
        self._attempt += 1
        return [GiveBack(token)]

    def _answered(self, grant: LeaseGrant | None, now: float) -> list[Effect]:
        asked_at, self._asked_at = self._asked_at, None
        if asked_at is None:
            return []
        if not self._wanted:
            return [] if grant is None else self._give_back(grant.token)
        if grant is None:
            return self._without("somebody else has it")
        until = asked_at + grant.seconds * (1 - MARGIN)
        if now >= until:
            return [*self._without("the store took too long to grant it"), *self._give_back(grant.token)]
        if self._token not in (None, grant.token):
            return [*self._without("it had run out before it was renewed"), *self._give_back(grant.token)]
        is_new = self._token is None
        self._token, self._until, self._ask_at = grant.token, until, asked_at + grant.seconds / RENEWALS
        return [Granted(grant.token)] if is_new else []

    def _failed(self, reason: str, now: float) -> list[Effect]:
        self._asked_at = None
        if self._token is not None:
            self._ask_at = now + self._seconds / RETRIES
            return []
        wanted, self._wanted = self._wanted, False
        return [Denied(reason)] if wanted else []

    def _without(self, reason: str) -> list[Effect]:
        held, self._token, self._wanted = self._token is not None, None, False
        return [Lost(reason)] if held else [Denied(reason)]
