"""Shares the event loop: work on many events yields to the loop every few milliseconds."""

import asyncio
from collections.abc import Sequence
from typing import Final

from casty import entropy
from casty.spi.journal import EventRecord

TURN: Final = 0.005
"""Seconds of work between two turns of the loop. The event that ends them is finished, however long it takes."""

FIRST_PAGE: Final = 32
"""Events of the first read. What a page costs before any of them can be decoded grows with their bytes, which are not
known yet.
"""

PAGE: Final = 1_000
"""Events of one read at most: enough to make the call's cost vanish, few enough to hold in memory many times over."""

PAGE_BYTES: Final = 1024 * 1024
"""Payload at which pages grow no more."""


class Turns:
    """The turns of one long piece of work."""

    __slots__ = ("_ends", "_stopwatch")

    def __init__(self) -> None:
        self._stopwatch = entropy.source().stopwatch
        self._ends = self._stopwatch() + TURN

    async def end_if_due(self) -> None:
        """Called after each event."""
        if self._stopwatch() >= self._ends:
            await asyncio.sleep(0)
            self._ends = self._stopwatch() + TURN


class PageSize:
    """How many events to read at a time."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        self.limit = min(FIRST_PAGE, PAGE)

    def seen(self, records: Sequence[EventRecord]) -> None:
        """Grow after a page with few bytes, and shrink after one with many."""
        size = sum([len(record.payload) for record in records])
        if size > 4 * PAGE_BYTES:
            self.limit = max(self.limit // 4, 1)
        elif size < PAGE_BYTES:
            self.limit = min(self.limit * 4, PAGE)
