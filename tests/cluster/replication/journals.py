"""Journals that fail in all the ways in which a disk may, with only the four methods of `EventJournal`."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, override

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


class Crash(SystemExit):
    """The process ends here, as far as a store can notice."""


class FailingAtACall(InMemoryJournal):
    """A journal whose call of one number, of any kind, fails before or after it has done its work."""

    def __init__(self, number: int | None = None, *, done: bool = False, error: BaseException | None = None) -> None:
        super().__init__()
        self.calls: list[str] = []
        """What it was asked for, with the id of the entity."""
        self.fails_at = number
        self.has_failed = False
        self._done, self._error = done, error

    @asynccontextmanager
    async def _call(self, what: str) -> AsyncGenerator[None]:
        fails = len(self.calls) == self.fails_at
        self.has_failed |= fails
        self.calls.append(what)
        if fails and not self._done:
            raise self._error or OSError(f"no {what}")
        yield
        if fails:
            raise self._error or OSError(f"no {what}")

    @override
    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        async with self._call(f"persist {entity_id}"):
            await super().persist(entity_id, events)

    @override
    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        async with self._call(f"load {entity_id}"):
            return await super().load(entity_id, from_sequence_nr)

    @override
    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        async with self._call(f"delete {entity_id}"):
            await super().delete_events(entity_id, to_sequence_nr)

    async def records(self) -> dict[str, int]:
        """How many there are of each id."""
        store = (await self.open()).store
        found = {name: len(await store.replay(name, 1, 2**62, 1_000_000)) for name in sorted(await self._names())}
        return {name: count for name, count in found.items() if count}

    async def _names(self) -> set[str]:
        return {name async for name in self.entity_ids()}


class FourMethods:
    """A journal with the four methods of `EventJournal`, which deletes nothing."""

    def __init__(self, journal: FailingAtACall | None = None) -> None:
        self.journal = journal or FailingAtACall()

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        await self.journal.persist(entity_id, events)

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        return await self.journal.load(entity_id, from_sequence_nr)

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
        raise AssertionError("copies have no snapshots")

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        raise AssertionError("copies have no snapshots")
