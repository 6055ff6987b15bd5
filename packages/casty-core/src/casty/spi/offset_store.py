"""What keeps how far a projection has come; where that is a database, in one transaction with the projection's rows.

A store with a `connection` makes the handling of events exactly-once: rows and offset are committed together, or not at
all. Without one it is at-least-once: events whose offset was not committed before a crash are handled again.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class OffsetTransaction[C](Protocol):
    """A running transaction of one projection."""

    @property
    def offset(self) -> int:
        """That of the last event that the projection has handled, 0 before the first, as the transaction found it."""
        ...

    @property
    def connection(self) -> C:
        """What the projection's handler writes with: it is committed with the offset. None where there is nothing."""
        ...

    async def advance(self, offset: int) -> None:
        """Store `offset` with the commit. The last one counts; a lower one makes the projection repeat events."""
        ...


class OpenOffsets[C](Protocol):
    """An open store, used by one task at a time."""

    async def offset(self, name: str) -> int:
        """The projection's committed offset, 0 for one that has none. Waits for no transaction."""
        ...

    def transaction(self, name: str) -> AbstractAsyncContextManager[OffsetTransaction[C]]:
        """A transaction of the projection `name`, committed at the end of an `async with`.

        An exception, a cancellation among them, rolls everything back, the offset included, and comes out unchanged.
        Two transactions of one name never run at once, whatever process they are in: the second one waits and finds
        what the first has left, or raises `OffsetStoreError` where it has waited for too long.
        """
        ...


class OffsetStore[C](Protocol):
    """Where projections keep their offsets. Structural: any class with this method works."""

    def open(self) -> AbstractAsyncContextManager[OpenOffsets[C]]:
        """The open store for the length of an `async with`; several may be open at once.

        Raises `OffsetStoreError` where it cannot be opened.
        """
        ...
