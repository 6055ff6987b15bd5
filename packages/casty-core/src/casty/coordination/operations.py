"""What travels between a client and the entity of a structure: operations with ids, and what becomes of them."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from casty.request import Request
from casty.serialization import event, message


@event("casty.coordination.OperationId")
@dataclass(frozen=True, slots=True)
class OperationId:
    """Names an operation, however often it is sent."""

    client: str
    number: int
    """Grows with the operations of a client."""


@message("casty.coordination.Operation")
@dataclass(frozen=True, kw_only=True)
class Operation(Request[Any]):
    """One attempt at a command."""

    id: OperationId
    settled: int
    """No operation of this client with a lower number waits for its outcome any more."""
    attempt: int = 1
    """Beyond 1, earlier attempts may have happened, or may still be on their way."""
    command: Any


@message("casty.coordination.Refused")
@dataclass(frozen=True, slots=True)
class Refused:
    """The reply to a command that does not fit the structure. Nothing has happened."""

    reason: str


@message("casty.coordination.Waiting")
@dataclass(frozen=True, slots=True)
class Waiting:
    """The reply to a caller that waits for something, and keeps its place if it asks again soon."""


WAITING: Final = Waiting()


class Query:
    """Base of commands that change nothing durable: they may be repeated."""

    __slots__ = ()


@message("casty.coordination.Destroy")
@dataclass(frozen=True, slots=True)
class Destroy:
    """Remove the structure: what is left is as if it had never been used."""


@message("casty.coordination.Withdraw")
@dataclass(frozen=True, slots=True)
class Withdraw(Query):
    """The caller of an operation has ended: it waits no more, and takes nothing that was granted to it."""

    id: OperationId


class Instant(NamedTuple):
    """A moment, by both clocks of an entity."""

    time: float
    """Monotonic seconds of this process, by which leases and waits end."""
    wall: float
    """Seconds since the Unix epoch, which are stored: they mean something in another process too."""


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that is going to be stored. Where an operation caused it, its reply is what `apply` returns."""

    fact: Any
    by: OperationId | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to an operation that changes nothing."""

    to: OperationId
    value: Any


type Steps = list[Change | Answer]


class Structure(Protocol):
    """The state of one counter, lock or queue, as a machine. Only its entity calls it, which owns it.

    `decide` and `tick` look at the durable state and change what is not durable, such as the callers that wait. `apply`
    changes the durable state, in place: it replays facts at recovery, so it neither refuses nor looks at a clock.
    Fields that are not stored have `init=False`, and are empty after a recovery.
    """

    def decide(self, command: Any, caller: OperationId, now: Instant) -> Steps:
        """The facts and replies that follow from a command."""
        ...

    def apply(self, fact: Any, by: OperationId | None) -> Any:
        """Take in a fact. Returns the reply to the operation that caused it."""
        ...

    def may_repeat(self, command: Any, result: Any, now: Instant) -> bool:
        """Whether `result`, with which an earlier attempt ended, is still the right reply to the command."""
        ...

    def tick(self, now: Instant) -> Steps:
        """What follows from the time."""
        ...

    def due(self, now: Instant) -> float | None:
        """The monotonic time of the next tick, if there is anything to wait for. Called after every change."""
        ...

    def waiting(self) -> list[OperationId]:
        """The operations of callers that wait."""
        ...

    def destroyed(self) -> "Structure":
        """What is left of it when it is destroyed."""
        ...


class Timeless:
    """What structures have in common that wait for nothing."""

    __slots__ = ()

    def may_repeat(self, command: Any, result: Any, now: Instant) -> bool:
        return True

    def tick(self, now: Instant) -> Steps:
        return []

    def due(self, now: Instant) -> float | None:
        return None

    def waiting(self) -> list[OperationId]:
        return []

    def destroyed(self) -> Any:
        return type(self)()
