"""Holder side of a lease: acquires it, renews it for as long as it is wanted, and reports when it is lost.

Theory of operation. The holder asks the store for the lease, and asks again after each third of the lease's time. It
counts a grant from the moment at which it *asked*, not from the answer, and only until shortly before the grant's end:
the store's clock started later, and may run faster by that margin. So a holder that was paused, or whose store does not
answer, knows by its own clock alone that it has lost the lease, before another holder can get it. A grant that is no
longer wanted is given back. A request that failed may have been granted all the same; that grant expires by itself.

The contract is that of Pekko's `Lease.scala`; counting a lease from the request is due to Gray and Cheriton: "Leases"
(1989).

Invariants: a lease is held only while it is wanted; while it is held its end is known.
"""

from dataclasses import dataclass
from typing import final

from casty.spi.lease import LeaseGrant

from casty_cluster.protocol.machine import Tick

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
    """The store's answer to the last `Ask`; None: another holder has the lease."""

    grant: LeaseGrant | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The last `Ask` failed. The store may have granted the lease all the same."""

    reason: str


type Input = Acquire | Release | Answered | Failed


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the store for the lease."""

    attempt: int
    """Part of the owner's name. It grows with each `GiveBack`, which may reach the store late and must not end a newer
    grant of the same holder.
    """


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Release the lease at the store. Failure is harmless: the lease expires."""

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
    """The lease was held and is lost: another holder may get it."""

    reason: str


type Effect = Ask | GiveBack | Granted | Denied | Lost


@final
class LeaseHolder:
    """The machine. `seconds` is how long the store is asked to grant the lease for."""

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
        """When the request that is still pending was sent."""

    @property
    def token(self) -> int | None:
        """None: the lease is not held. While it is held, `check` returns whether it still protects its holder."""
        return self._token

    def check(self, now: float) -> bool:
        """Whether no other holder can have the lease now."""
        return self._token is not None and now < self._until

    def next_deadline(self) -> float | None:
        if self._token is None:
            return None
        return self._until if self._asked_at is not None else min(self._ask_at, self._until)

    def handle(self, given: Input | Tick, now: float) -> list[Effect]:
        match given:
            case Acquire():
                if self._wanted:
                    return []
                self._wanted = True
                return self._ask(now)
            case Release():
                return self._release()
            case Answered(grant):
                return self._answered(grant, now)
            case Failed(reason):
                return self._failed(reason, now)
            case Tick():
                if self._token is not None and now >= self._until:
                    return [*self._release(), Lost("it could not be renewed in time")]
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

    def _release(self) -> list[Effect]:
        # While a request is pending its answer decides: a grant is then given back under its own token.
        token, self._token, self._wanted = self._token, None, False
        return self._give_back(token) if token is not None and self._asked_at is None else []

    def _give_back(self, token: int) -> list[Effect]:
        self._attempt += 1
        return [GiveBack(token)]

    def _answered(self, grant: LeaseGrant | None, now: float) -> list[Effect]:
        asked_at, self._asked_at = self._asked_at, None
        if asked_at is None:
            return []
        # Each grant that is not used must be given back, or other holders wait until it expires.
        if not self._wanted:
            return [] if grant is None else self._give_back(grant.token)
        if grant is None:
            return self._without("another holder has it")
        until = asked_at + grant.seconds * (1 - MARGIN)
        if now >= until:  # the answer came so late that another holder may have the lease already
            return [*self._without("the store took too long to grant it"), *self._give_back(grant.token)]
        # A new token means that the store let the lease expire in between: another holder may have had it.
        if self._token not in (None, grant.token):
            return [*self._without("it had expired before it was renewed"), *self._give_back(grant.token)]
        is_new = self._token is None
        self._token, self._until, self._ask_at = grant.token, until, asked_at + grant.seconds / RENEWALS
        return [Granted(grant.token)] if is_new else []

    def _failed(self, reason: str, now: float) -> list[Effect]:
        self._asked_at = None
        if self._token is not None:  # the grant is still valid: retry before it expires
            self._ask_at = now + self._seconds / RETRIES
            return []
        wanted, self._wanted = self._wanted, False
        return [Denied(reason)] if wanted else []

    def _without(self, reason: str) -> list[Effect]:
        held, self._token, self._wanted = self._token is not None, None, False
        return [Lost(reason)] if held else [Denied(reason)]
