"""Journals that fail in all the ways in which a disk may, with only the four methods of `EventJournal`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from casty import InMemoryJournal
from casty.spi.event_journal import PersistedEvent, Snapshot


class UnreliableJournal:
    """Passes everything on to a journal in memory, until a test wants something else."""

    def __init__(self) -> None:
        self.journal = InMemoryJournal()
        self.before: BaseException | None = None
        """What `persist` raises, with nothing stored."""
        self.after: BaseException | None = None
        """What `persist` raises although all is stored."""
        self.keeps: int | None = None
        """How many of the events `persist` stores, before it raises."""
        self.unreadable: BaseException | None = None
        self.held: asyncio.Event | None = None
        """What `persist` waits for; with a cancellation it goes on at once."""
        self.is_called = asyncio.Event()
        """Set by `persist`."""
        self.commits: list[int] = []
        """How many events each call of `persist` was given."""

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        self.commits.append(len(events))
        self.is_called.set()
        if self.held is not None:
            with suppress(asyncio.CancelledError):
                await self.held.wait()
        if self.before is not None:
            raise self.before
        if self.keeps is not None:
            await self.journal.persist(entity_id, events[: self.keeps])
            raise OSError("no space left on device")
        await self.journal.persist(entity_id, events)
        if self.after is not None:
            raise self.after

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        if self.unreadable is not None:
            raise self.unreadable
        return await self.journal.load(entity_id, from_sequence_nr)

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
        raise AssertionError("copies have no snapshots")

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        raise AssertionError("copies have no snapshots")

    def heal(self) -> None:
        self.before = self.after = self.keeps = self.unreadable = self.held = None


class Stranger(BaseException):
    """What no code expects."""
