"""A barrier: parties wait for each other, round after round. Arrivals are not stored, as parties ask again anyhow; that
a round is complete is stored, so that each of its parties learns it.
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
from casty.coordination.waiters import Waiter, Waiters
from casty.serialization import event, message


@message("casty.coordination.rendezvous.Arrive")
@dataclass(frozen=True, slots=True)
class Arrive:
    """Replies with the number of the round when `expected` parties have come, `WAITING` after `wait` seconds."""

    party: str
    expected: int
    wait: float


@message("casty.coordination.rendezvous.Present")
@dataclass(frozen=True, slots=True)
class Present(Query):
    """Replies with the parties that wait."""


@event("casty.coordination.rendezvous.Passed")
@dataclass(frozen=True, slots=True)
class Passed:
    """One party has passed the barrier, in this round."""

    generation: int


@event("casty.coordination.Rendezvous")
@dataclass(slots=True)
class Rendezvous:
    """The state of one barrier."""

    generation: int = 0
    """The last round that was complete."""
    _parties: Waiters = field(init=False, default_factory=Waiters, compare=False)

    def decide(self, command: Arrive | Present | Withdraw, caller: OperationId, now: Instant) -> Steps:
        match command:
            case Arrive():
                return self._arrive(command, caller, now)
            case Present():
                return [Answer(caller, tuple(waiter.command.party for waiter in self._parties))]
            case Withdraw(operation):
                waited: Steps = [Answer(operation, WAITING)] if self._parties.remove(operation) else []
                return [*waited, Answer(caller, None)]

    def _arrive(self, command: Arrive, caller: OperationId, now: Instant) -> Steps:
        twin = next((waiter for waiter in self._parties if self._is_twin(waiter, command, caller)), None)
        if twin is not None and twin.asks:
            why = f"{command.party!r} has arrived already in this round; give each party a node_id of its own"
            return [Answer(caller, Refused(why))]
        if twin is not None:
            self._parties.remove(twin.id)  # an earlier process of that party, which asks no more
        first = self._parties.first()
        if first is not None and first.command.expected != command.expected:
            why = f"{first.command.party!r} expects {first.command.expected} parties, and not {command.expected}"
            return [Answer(caller, Refused(why))]
        if self._parties.is_full and caller not in self._parties:
            why = (
                f"{len(self._parties):,} parties wait there already; let the parties of each process meet first, as one"
            )
            return [Answer(caller, Refused(why))]
        self._parties.ask(caller, command, now.time + command.wait)
        if len(self._parties) < command.expected:
            return []
        complete, self._parties = self._parties, Waiters()
        return [Change(Passed(self.generation + 1), waiter.id) for waiter in complete]

    def _is_twin(self, waiter: Waiter, command: Arrive, caller: OperationId) -> bool:
        return waiter.command.party == command.party and waiter.id != caller

    def apply(self, fact: Passed, by: OperationId | None) -> Any:
        self.generation = fact.generation
        return fact.generation

    def may_repeat(self, command: Arrive, result: Any, now: Instant) -> bool:
        return True

    def tick(self, now: Instant) -> Steps:
        return [Answer(operation, WAITING) for operation in self._parties.tick(now.time)]

    def due(self, now: Instant) -> float | None:
        return self._parties.due()

    def waiting(self) -> list[OperationId]:
        return [waiter.id for waiter in self._parties]

    def destroyed(self) -> "Rendezvous":
        """Its rounds must not come again: what parties keep by an old number would pass for a new one's."""
        return Rendezvous(self.generation)
