"""Runs long work in slices and lets the event loop run between them, so that no amount of work blocks it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import batched, chain
from operator import length_hint
from typing import Final

SLICE: Final = 256
"""Number of steps per slice; a step takes a few microseconds, and may wake a task."""


async def in_slices[T](step: Callable[[T], object], items: Iterable[T], size: int = SLICE) -> None:
    """Call `step` for each item. Suspends between slices only."""
    for number, batch in enumerate(batched(items, size)):
        if number:
            await asyncio.sleep(0)
        for item in batch:
            step(item)


class Draining[T]:
    """Iterates over the items once and frees them slice by slice, not all at the end. An interrupted iteration can be
    continued. There is no Python call per item, because all messages of a long mailbox pass through here.
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
