"""One value, which may be replaced on condition. Values are bytes here: only clients know their types."""

from dataclasses import dataclass
from typing import Any

from casty.coordination.operations import Answer, Change, Instant, OperationId, Query, Steps, Timeless
from casty.serialization import event, message


@message("casty.coordination.register.Write")
@dataclass(frozen=True, slots=True)
class Write:
    value: bytes


@message("casty.coordination.register.CompareAndSet")
@dataclass(frozen=True, slots=True)
class CompareAndSet:
    """Replies with whether the value was the expected one."""

    expected: bytes | None
    """None: nothing has been written."""
    value: bytes


@message("casty.coordination.register.Read")
@dataclass(frozen=True, slots=True)
class Read(Query):
    """Replies with the value, None where nothing has been written."""


@event("casty.coordination.register.Written")
@dataclass(frozen=True, slots=True)
class Written:
    value: bytes


@event("casty.coordination.Register")
@dataclass(slots=True)
class Register(Timeless):
    """The state of one register."""

    value: bytes | None = None

    def decide(self, command: Write | CompareAndSet | Read, caller: OperationId, now: Instant) -> Steps:
        match command:
            case Write(value):
                return [Change(Written(value), caller)]
            case CompareAndSet(expected, value):
                if self.value == expected:
                    return [Change(Written(value), caller)]
                return [Answer(caller, False)]
            case Read():
                return [Answer(caller, self.value)]

    def apply(self, fact: Written, by: OperationId | None) -> Any:
        self.value = fact.value
        return True
