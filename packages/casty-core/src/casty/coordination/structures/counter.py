"""A whole number."""

from dataclasses import dataclass
from typing import Any

from casty.coordination.operations import Answer, Change, Instant, OperationId, Query, Steps, Timeless
from casty.serialization import event, message


@message("casty.coordination.counter.Add")
@dataclass(frozen=True, slots=True)
class Add:
    """Replies with the sum."""

    amount: int


@message("casty.coordination.counter.Reset")
@dataclass(frozen=True, slots=True)
class Reset:
    """Set it to 0. Replies with the value before."""


@message("casty.coordination.counter.Get")
@dataclass(frozen=True, slots=True)
class Get(Query):
    """Replies with the value."""


@event("casty.coordination.counter.Added")
@dataclass(frozen=True, slots=True)
class Added:
    amount: int


@event("casty.coordination.counter.WasReset")
@dataclass(frozen=True, slots=True)
class WasReset: ...


@event("casty.coordination.Counter")
@dataclass(slots=True)
class Counter(Timeless):
    """The state of one counter."""

    value: int = 0

    def decide(self, command: Add | Reset | Get, caller: OperationId, now: Instant) -> Steps:
        match command:
            case Add(amount):
                return [Change(Added(amount), caller)]
            case Reset():
                return [Change(WasReset(), caller)]
            case Get():
                return [Answer(caller, self.value)]

    def apply(self, fact: Added | WasReset, by: OperationId | None) -> Any:
        match fact:
            case Added(amount):
                self.value += amount
                return self.value
            case WasReset():
                before, self.value = self.value, 0
                return before
