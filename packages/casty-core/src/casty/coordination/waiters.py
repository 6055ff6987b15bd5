"""Callers that wait for their turn at an entity, in the order in which they came.

A caller asks again and again, for some seconds each time (`wait`). Between two asks it keeps its place for a while;
after that it counts as gone: its process has died, or cannot reach this one. Nothing of it is stored, as a caller that
still waits asks the next host of the entity again.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from casty.coordination.operations import OperationId

GRACE: Final = 3.0
"""Seconds for which a caller keeps its place between two asks."""
MAX_WAITERS: Final = 10_000


@dataclass(slots=True)
class Waiter:
    """One caller."""

    id: OperationId
    command: Any
    until: float
    """Its ask is replied to by then."""
    asks: bool = True
    """It awaits a reply at this moment."""


@dataclass(slots=True)
class Waiters:
    """Callers by operation, in order of their first ask."""

    _waiters: dict[OperationId, Waiter] = field(default_factory=dict[OperationId, Waiter])
    _due: list[tuple[float, int, OperationId]] = field(default_factory=list[tuple[float, int, OperationId]])
    """A heap of times at which a caller may need a look, with a number to keep ids from being compared."""
    _count: int = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def __iter__(self) -> Iterator[Waiter]:
        return iter(self._waiters.values())

    def __contains__(self, operation: OperationId) -> bool:
        return operation in self._waiters

    @property
    def is_full(self) -> bool:
        return len(self._waiters) >= MAX_WAITERS

    def first(self) -> Waiter | None:
        return next(iter(self._waiters.values()), None)

    def ask(self, operation: OperationId, command: Any, until: float) -> None:
        """A caller asks until that time: for the first time, or again in its old place."""
        waiter = self._waiters.get(operation)
        if waiter is None:
            self._waiters[operation] = Waiter(operation, command, until)
        else:
            waiter.command, waiter.until, waiter.asks = command, until, True
        self._look_at(until, operation)

    def remove(self, operation: OperationId) -> bool:
        """Whether it waited."""
        return self._waiters.pop(operation, None) is not None

    def tick(self, now: float) -> list[OperationId]:
        """Remove callers that are gone. Returns those whose ask ends now."""
        ended: list[OperationId] = []
        while self._due and self._due[0][0] <= now:
            _, _, operation = heapq.heappop(self._due)
            waiter = self._waiters.get(operation)
            if waiter is None:
                continue
            if waiter.asks and waiter.until <= now:
                waiter.asks = False
                ended.append(operation)
                self._look_at(waiter.until + GRACE, operation)
            elif not waiter.asks and waiter.until + GRACE <= now:
                del self._waiters[operation]
        return ended

    def due(self) -> float | None:
        while self._due and self._due[0][2] not in self._waiters:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _look_at(self, time: float, operation: OperationId) -> None:
        self._count += 1
        heapq.heappush(self._due, (time, self._count, operation))
