"""One structure together with the results of the operations that changed it: all that its entity keeps."""

from dataclasses import dataclass, field
from typing import Any, Final

from casty.coordination.operations import (
    WAITING,
    Answer,
    Change,
    Destroy,
    Instant,
    Operation,
    OperationId,
    Query,
    Refused,
    Steps,
    Structure,
    Waiting,
)
from casty.coordination.results import Recall, Results
from casty.serialization import event

LATE: Final = Refused("its caller does not wait for it any more")


@event("casty.coordination.Answered")
@dataclass(frozen=True, slots=True)
class Answered:
    """An operation that was attempted more than once has changed nothing. It must not do so with an attempt that is
    late.
    """

    value: Any


@event("casty.coordination.Destroyed")
@dataclass(frozen=True, slots=True)
class Destroyed: ...


@event("casty.coordination.Happened")
@dataclass(frozen=True, slots=True)
class Happened:
    """What is stored: a fact, and the operation that caused it, if one did."""

    fact: Any
    by: OperationId | None = None
    settled: int = 0


@event("casty.coordination.State")
@dataclass(slots=True)
class State:
    """The state of an entity."""

    structure: Any
    """A `Structure`; any, as what is stored is checked against annotations."""
    results: Results = field(default_factory=Results)

    def decide(self, operation: Operation, now: Instant) -> tuple[list[Happened], list[Answer]]:
        """The facts to store, and the replies to give, for an attempt at an operation."""
        command, caller = operation.command, operation.id
        structure: Structure = self.structure
        if not isinstance(command, Query):
            known = self.results.find(caller)
            if known is Recall.settled:
                return [], [Answer(caller, LATE)]
            if known is Recall.new:
                pass
            elif isinstance(command, Destroy) or structure.may_repeat(command, known, now):
                return [], [Answer(caller, known)]
        if isinstance(command, Destroy):
            # Those that wait ask again at once, and find the new structure.
            waiting = [Answer(one, WAITING) for one in structure.waiting()]
            return [Happened(Destroyed(), caller, operation.settled)], waiting
        steps = structure.decide(command, caller, now)
        if operation.attempt > 1 and not isinstance(command, Query):
            steps = [_stored(step, caller) for step in steps]
        return self._parted(steps, operation)

    def tick(self, now: Instant) -> tuple[list[Happened], list[Answer]]:
        return self._parted(self.structure.tick(now), None)

    def _parted(self, steps: Steps, operation: Operation | None) -> tuple[list[Happened], list[Answer]]:
        facts: list[Happened] = []
        answers: list[Answer] = []
        for step in steps:
            match step:
                case Answer():
                    answers.append(step)
                case Change(fact, by):
                    # For the operation of another caller, what its last attempt said still counts.
                    settled = operation.settled if operation is not None and by == operation.id else 0
                    facts.append(Happened(fact, by, settled))
        return facts, answers

    def apply(self, happened: Happened) -> None:
        match happened.fact:
            case Destroyed():
                self.structure = self.structure.destroyed()
                result: Any = None
            case Answered(value):
                result = value
            case fact:
                result = self.structure.apply(fact, happened.by)
        if happened.by is not None:
            self.results.record(happened.by, happened.settled, result)


def _stored(step: Change | Answer, caller: OperationId) -> Change | Answer:
    """An answer that has to be remembered, as a change."""
    if isinstance(step, Change) or step.to != caller or isinstance(step.value, Waiting | Refused):
        return step
    return Change(Answered(step.value), caller)
