"""Long work in slices, between which the event loop has its turn: at no size it may stand still for long."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import batched
from typing import Final, override

SLICE: Final = 256
"""Steps between two turns of the event loop; a step is a few microseconds, and may wake a task."""


async def in_slices[T](step: Callable[[T], object], items: Iterable[T]) -> None:
    """Call `step` for each item. Suspends only where there are more than a slice."""
    for number, batch in enumerate(batched(items, SLICE)):
        if number:
            await asyncio.sleep(0)
        for item in batch:
            step(item)


class Draining[T](Iterator[T]):
    """Takes the items out from the left, so that they are not all freed at once in the end."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[T]) -> None:
        self.items = items if isinstance(items, deque) else deque(items)

    @override
    def __next__(self) -> T:
        if self.items:
            return self.items.popleft()
        raise StopIteration

    def __length_hint__(self) -> int:
        return len(self.items)
