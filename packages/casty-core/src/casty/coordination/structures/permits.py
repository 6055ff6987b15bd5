"""Permits that are leased: the state of a semaphore, and with one permit, of a lock or an election.

A grant has a token, which is higher than that of every grant before, and lasts as long as its holder renews it. When it
ends is not stored: the host of the entity counts from when it has granted or recovered it, which is never earlier than
when its holder counts from. So a holder knows that its lease is over before another caller can have the permit, as long
as both processes' clocks advance at the same rate; whatever their time of day is.

Callers wait in the order in which they came. One that was reached by no reply, because it was cancelled or its process
has died, is skipped when it does not ask again (`Waiters`); a grant that it was given ends like any other.
"""

from dataclasses import dataclass, field
from typing import Any

from casty.coordination.operations import (
    WAITING,
    Answer,
    Change,
    Instant,
    OperationId,
    Query,
    Refused,
    Steps,
    Withdraw,
)
from casty.coordination.waiters import Waiters
from casty.serialization import event, message


@message("casty.coordination.permits.Acquire")
@dataclass(frozen=True, slots=True)
class Acquire:
    """Replies with the token of a grant, or `WAITING` after `wait` seconds; without a wait, None if none is free."""

    permits: int
    ttl: float
    owner: str
    wait: float


@message("casty.coordination.permits.Renew")
@dataclass(frozen=True, slots=True)
class Renew(Query):
    """Replies with whether the grant is held: then it is for its whole time to live from now on."""

    token: int


@message("casty.coordination.permits.Release")
@dataclass(frozen=True, slots=True)
class Release:
    """Replies with whether it was held."""

    token: int


@message("casty.coordination.permits.Holders")
@dataclass(frozen=True, slots=True)
class Holders(Query):
    """Replies with pairs of owner and token, oldest grant first."""


@event("casty.coordination.permits.Grant")
@dataclass(frozen=True, slots=True)
class Grant:
    id: OperationId
    owner: str
    ttl: float


@event("casty.coordination.permits.Granted")
@dataclass(frozen=True, slots=True)
class Granted:
    permits: int
    grant: Grant


@event("casty.coordination.permits.Ended")
@dataclass(frozen=True, slots=True)
class Ended:
    """A grant was released, or its lease has expired."""

    token: int
    expired: bool = False


type Command = Acquire | Renew | Release | Holders | Withdraw


@event("casty.coordination.Permits")
@dataclass(slots=True)
class Permits:
    """The state of one semaphore."""

    permits: int = 0
    """How many there are, since the first grant; 0 before."""
    last_token: int = 0
    grants: dict[int, Grant] = field(default_factory=dict[int, Grant])
    """By token."""
    _ends: dict[int, float] = field(init=False, default_factory=dict[int, float], compare=False)
    """When the grants' leases end, by the monotonic clock."""
    _waiters: Waiters = field(init=False, default_factory=Waiters, compare=False)

    def decide(self, command: Command, caller: OperationId, now: Instant) -> Steps:
        self._plan(now)
        match command:
            case Acquire():
                return self._acquire(command, caller, now)
            case Renew(token):
                # One whose time is over may have no tick yet. It stays lost: its holder may know.
                held = token in self.grants and self._ends[token] > now.time
                if held:
                    self._ends[token] = now.time + self.grants[token].ttl
                return [Answer(caller, held)]
            case Release(token):
                if token not in self.grants:
                    return [Answer(caller, False)]
                return [Change(Ended(token), caller), *self._grants(1)]
            case Holders():
                return [Answer(caller, tuple((grant.owner, token) for token, grant in self.grants.items()))]
            case Withdraw(operation):
                waited: Steps = [Answer(operation, WAITING)] if self._waiters.remove(operation) else []
                ended: Steps = [Change(Ended(token)) for token, grant in self.grants.items() if grant.id == operation]
                return [*waited, *ended, *self._grants(len(ended)), Answer(caller, None)]

    def _acquire(self, command: Acquire, caller: OperationId, now: Instant) -> Steps:
        if self.permits not in (0, command.permits):
            why = f"it has {self.permits} permits, and was used with {command.permits}; use the same number everywhere"
            return [Answer(caller, Refused(why))]
        if command.wait <= 0:
            free = len(self.grants) < command.permits and not len(self._waiters)
            return [Change(_granted(command, caller), caller) if free else Answer(caller, None)]
        if self._waiters.is_full and caller not in self._waiters:
            why = f"{len(self._waiters):,} callers wait for it already; let fewer tasks wait at a time, or try later"
            return [Answer(caller, Refused(why))]
        self._waiters.ask(caller, command, now.time + command.wait)
        return self._grants(0)

    def _grants(self, freed: int) -> Steps:
        """Grant permits to those that wait, in their order, once `freed` grants more have ended."""
        steps: Steps = []
        free = freed - len(self.grants)
        while (waiter := self._waiters.first()) is not None and free + waiter.command.permits > 0 and waiter.asks:
            self._waiters.remove(waiter.id)
            steps.append(Change(_granted(waiter.command, waiter.id), waiter.id))
            free -= 1
        return steps

    def apply(self, fact: Granted | Ended, by: OperationId | None) -> Any:
        match fact:
            case Granted(permits, grant):
                self.permits = permits
                self.last_token += 1
                self.grants[self.last_token] = grant
                return self.last_token
            case Ended(token):
                self._ends.pop(token, None)
                return self.grants.pop(token, None) is not None

    def may_repeat(self, command: Command, result: Any, now: Instant) -> bool:
        """A token may not, once its grant has ended. As long as it has not, asking for it again renews it."""
        if not isinstance(command, Acquire) or result is None:
            return True
        self._plan(now)
        held = result in self.grants and self._ends[result] > now.time
        if held:
            self._ends[result] = now.time + self.grants[result].ttl
        return held

    def tick(self, now: Instant) -> Steps:
        self._plan(now)
        expired = [token for token, end in self._ends.items() if end <= now.time]
        answers: Steps = [Answer(operation, WAITING) for operation in self._waiters.tick(now.time)]
        ended: Steps = [Change(Ended(token, expired=True)) for token in expired]
        return [*ended, *answers, *self._grants(len(expired))]

    def due(self, now: Instant) -> float | None:
        self._plan(now)
        times = [*self._ends.values()]
        if (waiting := self._waiters.due()) is not None:
            times.append(waiting)
        return min(times, default=None)

    def _plan(self, now: Instant) -> None:
        """Count the leases that have begun, or that were recovered, from now on."""
        if len(self._ends) < len(self.grants):
            for token, grant in self.grants.items():
                self._ends.setdefault(token, now.time + grant.ttl)

    def waiting(self) -> list[OperationId]:
        return [waiter.id for waiter in self._waiters]

    def destroyed(self) -> "Permits":
        """Its tokens must not come again: the holder of an old one would pass for one of a new one."""
        return Permits(last_token=self.last_token)


def _granted(command: Acquire, operation: OperationId) -> Granted:
    return Granted(command.permits, Grant(operation, command.owner, command.ttl))
