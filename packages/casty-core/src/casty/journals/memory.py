"""The journal in memory: for tests, for actors whose history may die with the process, and the reference for
every other store.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from heapq import nsmallest
from itertools import chain, islice
from typing import Final

from casty.errors import ConfigError
from casty.persistence.journal import StoreJournal
from casty.plugins.providers import JournalProvider, NoOptions
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)
from casty.spi.sequence import claimed_epoch, examine
from casty.spi.serializer import Serializer

CAPABILITIES: Final = JournalCapabilities(durable=False, fencing=True, ordered=True, deleting=True)


class MemoryStore:
    """Rows in dictionaries. Nothing suspends, so every call is atomic."""

    __slots__ = (
        "_dead",
        "_deleted",
        "_events",
        "_fences",
        "_holders",
        "_last_offset",
        "_log",
        "_offsets",
        "_snapshots",
    )

    def __init__(self) -> None:
        self._events: dict[str, list[EventRecord]] = {}
        """Those of each entity, from its first one that is not deleted."""
        self._deleted: dict[str, int] = {}
        """How many of an entity's events are: the first ones."""
        self._log: list[EventRecord] = []
        """All events in the order in which they were stored, and for a while deleted ones too."""
        self._offsets: list[int] = []
        """Those of the events of the log."""
        self._last_offset = 0
        self._dead = 0
        """How many events of the log are deleted."""
        self._snapshots: dict[str, dict[int, SnapshotRecord]] = {}
        self._fences: dict[str, tuple[str, int]] = {}
        self._holders: Counter[tuple[str, int]] = Counter()
        """How many fences each owner holds with an epoch."""

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        events, deleted = self._events, self._deleted
        highest = {
            (key := group[0].entity_id): deleted.get(key, 0) + len(events.get(key, ())) for group in groups if group
        }
        verdict = examine(groups, highest, event_id_of=self._event_id_of, holds=self._holds)
        for group in verdict.accepted:
            events.setdefault(group[0].entity_id, []).extend(group)
        self._enter(list(chain.from_iterable(verdict.accepted)))
        return verdict.outcomes

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        deleted = self._deleted.get(entity_id, 0)
        first = max(from_sequence_nr - deleted, 1) - 1
        last = min(to_sequence_nr - deleted, first + max(limit, 0))
        return self._events.get(entity_id, [])[first : max(last, 0)]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        return self._deleted.get(entity_id, 0) + len(self._events.get(entity_id, ()))

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        events, deleted = self._events.get(entity_id, []), self._deleted.get(entity_id, 0)
        count = min(max(to_sequence_nr - deleted, 0), len(events))
        if count:
            del events[:count]
            self._deleted[entity_id] = deleted + count
            self._dead += count
            # Rarely, for it looks at all events, and often enough to hold no more than twice those that there are.
            if self._dead > len(self._log) // 2:
                self._sweep()

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        stored = self._snapshots.setdefault(snapshot.entity_id, {})
        stored[snapshot.sequence_nr] = snapshot
        for outdated in sorted(stored)[:-keep]:
            del stored[outdated]

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        stored = self._snapshots.get(entity_id, {})
        newest = max((number for number in stored if number <= to_sequence_nr), default=None)
        return None if newest is None else stored[newest]

    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        fence = self._fences.get(key)
        granted = claimed_epoch(key, owner, epoch, fence)
        if fence is not None:
            self._holders[fence] -= 1
            if not self._holders[fence]:
                del self._holders[fence]
        self._fences[key] = (owner, granted)
        self._holders[owner, granted] += 1
        return granted

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        places = range(bisect_right(self._offsets, after), len(self._log))
        found = (OrderedEvent(self._offsets[place], self._log[place]) for place in places)
        wanted = frozenset(tags)
        chosen = (
            entry
            for entry in found
            if self._is_there(entry.record) and (not tags or not wanted.isdisjoint(entry.record.tags))
        )
        return list(islice(chosen, max(limit, 0)))

    async def highest_offset(self) -> int:
        return self._last_offset

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        # Strings compare by code points, and so as their UTF-8 bytes do.
        return nsmallest(
            limit, (entity_id for entity_id, events in self._events.items() if events and entity_id > after)
        )

    def _enter(self, records: Sequence[EventRecord]) -> None:
        first, self._last_offset = self._last_offset + 1, self._last_offset + len(records)
        self._log += records
        self._offsets += range(first, self._last_offset + 1)

    def _sweep(self) -> None:
        there = [place for place, record in enumerate(self._log) if self._is_there(record)]
        self._log = [self._log[place] for place in there]
        self._offsets = [self._offsets[place] for place in there]
        self._dead = 0

    def _is_there(self, record: EventRecord) -> bool:
        return record.sequence_nr > self._deleted.get(record.entity_id, 0)

    def _event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        events, place = self._events.get(entity_id, ()), sequence_nr - self._deleted.get(entity_id, 0) - 1
        return events[place].event_id if 0 <= place < len(events) else None

    def _holds(self, writer: str, epoch: int) -> bool:
        return self._holders[writer, epoch] > 0


class InMemoryJournal(StoreJournal):
    """A journal that lives as long as this object: systems may use it one after the other and find what was
    written.
    """

    def __init__(self, *, serializer: Serializer | None = None) -> None:
        store = MemoryStore()
        super().__init__(lambda: nullcontext(store), capabilities=CAPABILITIES, serializer=serializer)


@asynccontextmanager
async def _open_memory(url: str, options: NoOptions) -> AsyncGenerator[MemoryStore]:
    scheme, _, name = url.partition("://")
    if name:
        raise ConfigError(
            f"{url!r} names a journal in memory, but they have no names; write {scheme}:// for one, "
            "or give one InMemoryJournal object to all actors that share it"
        )
    yield MemoryStore()


PROVIDER: Final = JournalProvider(names=("memory",), open=_open_memory, capabilities=CAPABILITIES)
