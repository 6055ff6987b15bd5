"""The journal in memory: for tests, for actors whose history may die with the process, and the reference for
every other store.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from heapq import nsmallest
from itertools import chain, islice
from typing import Final

from casty.errors import ConfigError
from casty.persistence.journal import StoreJournal
from casty.persistence.sequence import claimed_epoch, examine
from casty.plugins.providers import JournalProvider, NoOptions
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)
from casty.spi.serializer import Serializer

CAPABILITIES: Final = JournalCapabilities(durable=False, fencing=True, ordered=True)


class MemoryStore:
    """Rows in dictionaries. Nothing suspends, so every call is atomic."""

    __slots__ = ("_events", "_fences", "_holders", "_log", "_snapshots")

    def __init__(self) -> None:
        self._events: dict[str, list[EventRecord]] = {}
        self._log: list[EventRecord] = []
        """All events in the order in which they were stored: an event's offset is its place, from 1."""
        self._snapshots: dict[str, dict[int, SnapshotRecord]] = {}
        self._fences: dict[str, tuple[str, int]] = {}
        self._holders: Counter[tuple[str, int]] = Counter()
        """How many fences each owner holds with an epoch."""

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        highest = {group[0].entity_id: len(self._events.get(group[0].entity_id, ())) for group in groups if group}
        verdict = examine(groups, highest, event_id_of=self._event_id_of, holds=self._holds)
        for group in verdict.accepted:
            self._events.setdefault(group[0].entity_id, []).extend(group)
        self._log.extend(chain.from_iterable(verdict.accepted))
        return verdict.outcomes

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        first = max(from_sequence_nr, 1) - 1
        last = min(to_sequence_nr, first + max(limit, 0))
        return self._events.get(entity_id, [])[first : max(last, 0)]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        return len(self._events.get(entity_id, ()))

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
        log = self._log
        offsets = range(max(after, 0) + 1, len(log) + 1)
        if tags:
            wanted = frozenset(tags)
            offsets = (offset for offset in offsets if not wanted.isdisjoint(log[offset - 1].tags))
        return [OrderedEvent(offset, log[offset - 1]) for offset in islice(offsets, max(limit, 0))]

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        # Strings compare by code points, and so as their UTF-8 bytes do.
        return nsmallest(limit, (entity_id for entity_id in self._events if entity_id > after))

    def _event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        events = self._events.get(entity_id, ())
        return events[sequence_nr - 1].event_id if 0 < sequence_nr <= len(events) else None

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
            "or give one InMemoryJournal object to all who share it"
        )
    yield MemoryStore()


PROVIDER: Final = JournalProvider(names=("memory",), open=_open_memory, capabilities=CAPABILITIES)
