"""Long work in slices, between which the event loop has its turn: at no size it may stand still for long."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import batched, chain
from operator import length_hint
from typing import Final

SLICE: Final = 256
"""Steps between two turns of the event loop; a step is a few microseconds, and may wake a task."""


async def in_slices[T](step: Callable[[T], object], items: Iterable[T]) -> None:
    """Call `step` for each item. Suspends only where there are more than a slice."""
    for number, batch in enumerate(batched(items, SLICE)):
        if number:
            await asyncio.sleep(0)
        for item in batch:
            step(item)


class Draining[T]:
    """Iterates over the items once, and frees them by the slice: not all at once in the end. An iteration that was
    broken off goes on where it was. No call of Python for each item: the messages of a long mailbox pass here.
    """

    __slots__ = ("_later", "_slice")

    def __init__(self, items: Iterable[T]) -> None:
        self._slice: Iterator[T] = iter(())
        self._later = deque(batched(items, SLICE))

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._slices())

    def __length_hint__(self) -> int:
        later = self._later
        return length_hint(self._slice) + (SLICE * (len(later) - 1) + len(later[-1]) if later else 0)

    def _slices(self) -> Iterator[Iterator[T]]:
        yield self._slice
        while self._later:
            self._slice = iter(self._later.popleft())
            yield self._slice
