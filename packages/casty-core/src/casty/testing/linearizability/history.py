"""What callers asked of an object and what they saw, with the times of both."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, override

type Call = tuple[Any, ...]
"""An operation's name and its arguments, such as `("put", "alice", 1)`."""


class Unknown(Enum):
    """The result of an operation that may have happened, may still happen, or may never happen."""

    unknown = "unknown"

    @override
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call and its outcome."""

    process: str
    """The caller, for people only: a caller may have several calls under way."""
    call: Call
    invoked: float
    """On one clock for all operations of a history. Calls of equal times count as concurrent."""
    returned: float = float("inf")
    result: Any = UNKNOWN

    @override
    def __str__(self) -> str:
        name, *arguments = self.call
        called = f"{name}({', '.join(map(repr, arguments))})"
        until = "…" if self.result is UNKNOWN else _shown(self.returned)
        return f"{self.process}: {called} -> {self.result!r}  [{_shown(self.invoked)}, {until}]"


def _shown(time: float) -> str:
    """To a tenth of a millisecond, also where the clock has counted for weeks."""
    return f"{round(time, 4):.12g}"


class History:
    """Records operations as they happen.

    `clock` is any that all callers share; without one, the order in which calls start and end counts. Operations of
    several histories, such as those of processes on one machine, may be put together where they share a clock.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        steps = itertools.count(1)
        self._clock: Callable[[], float] = (lambda: float(next(steps))) if clock is None else clock
        self._operations: dict[int, Operation] = {}
        self._numbers = itertools.count()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All of them, in the order in which they were called. Those that have not ended have an unknown outcome: a
        simulated process that is killed does not even raise.
        """
        return tuple(self._operations.values())

    async def record[R](
        self, process: str, call: Call, awaitable: Awaitable[R], *, refused: tuple[type[Exception], ...] = ()
    ) -> R:
        """Await an operation, and record it with its result.

        An exception leaves its outcome unknown, a cancellation too. Exceptions of the types `refused` mean that the
        operation has not happened: it is not recorded. All are raised again.
        """
        called = Operation(process=process, call=call, invoked=self._clock())
        number = next(self._numbers)
        self._operations[number] = called
        try:
            result = await awaitable
        except refused:
            del self._operations[number]
            raise
        self._operations[number] = replace(called, returned=self._clock(), result=result)
        return result

    def add(self, operation: Operation) -> None:
        """Add one that was recorded elsewhere, or that no caller made, such as the end of a lease."""
        self._operations[next(self._numbers)] = operation
