"""Callers that wait until a projection has caught up, and when they may go on.

A caller wants every event that was in the journal when it called. It knows the highest offset of that moment: a
projection that has come so far has handled them. The event with that offset may have other tags, be deleted, or never
have been stored; so a look that began after the call and found nothing counts as well.
"""

import asyncio
from typing import final

type Waiter = tuple[int, asyncio.Future[None]]


@final
class Waiters:
    """Callers of one projection, each with the offset that it waits for."""

    def __init__(self) -> None:
        self._waiting: list[Waiter] = []

    def add(self, offset: int) -> asyncio.Future[None]:
        """Done when the projection has caught up with that offset, or failed with what has stopped it."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((offset, told))
        return told

    def present(self) -> list[Waiter]:
        """The callers that wait now, for `found_nothing`."""
        return list(self._waiting)

    def reached(self, offset: int) -> None:
        """Let the callers go on that wait for this offset or a lower one."""
        self.found_nothing([waiter for waiter in self._waiting if waiter[0] <= offset])

    def found_nothing(self, present: list[Waiter]) -> None:
        """Let the callers go on that were present before a look that found no event."""
        for waiter in present:
            if not waiter[1].done():
                waiter[1].set_result(None)
        self._waiting = [waiter for waiter in self._waiting if not waiter[1].done()]

    def end(self, error: Exception) -> None:
        """Fail all callers that are left."""
        for _, told in self._waiting:
            if not told.done():
                told.set_exception(error)
        self._waiting = []
