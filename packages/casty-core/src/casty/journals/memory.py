"""The journal in memory: for tests, for actors whose history may die with the process, and the reference for
every other store.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Final

from casty.errors import ConfigError
from casty.persistence.journal import StoreJournal
from casty.persistence.sequence import examine
from casty.plugins.providers import JournalProvider, NoOptions
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalCapabilities, SnapshotRecord
from casty.spi.serializer import Serializer

CAPABILITIES: Final = JournalCapabilities(durable=False)


class MemoryStore:
    """Rows in dictionaries. Nothing suspends, so every call is atomic."""

    __slots__ = ("_events", "_snapshots")

    def __init__(self) -> None:
        self._events: dict[str, list[EventRecord]] = {}
        self._snapshots: dict[str, dict[int, SnapshotRecord]] = {}

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        highest = {group[0].entity_id: len(self._events.get(group[0].entity_id, ())) for group in groups if group}
        outcomes, _ = examine(groups, highest)
        for group, outcome in zip(groups, outcomes, strict=True):
            if group and outcome is None:
                self._events.setdefault(group[0].entity_id, []).extend(group)
        return outcomes

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
