"""The journal store on PostgreSQL.

Before an append, an entity's highest number comes from memory, not from the database. If the memory is outdated,
another writer has taken the number, and the tables refuse the batch. Only then, or after a lost fence or connection,
the store reads the highest numbers and the ids of stored events. So a commit whose result was lost is
recognized when the append is retried.
"""

import logging
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, Final, NamedTuple, final

import asyncpg
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)
from casty.spi.sequence import Chain, chain_of, claim_refused, examine

from casty_journal_postgres.connections import Connection, Connections
from casty_journal_postgres.failures import ABOUT_A_ROW, OPEN, unstorable
from casty_journal_postgres.options import CAPABILITIES, PostgresOptions, normalized, shown
from casty_journal_postgres.rows import event_of, event_row, snapshot_of, snapshot_row
from casty_journal_postgres.schema import prepare
from casty_journal_postgres.statements import Statements

REMEMBERED: Final = 100_000
"""Entities whose highest number is kept in memory, at about 150 bytes each."""

type Memory = dict[str, int]
"""Highest numbers of entities, as one server has reported them."""

type Fence = tuple[str, int]
"""An owner and its epoch."""

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """The state of the tables that concerns the events of an append."""

    highest: Mapping[str, int]
    """Highest numbers of their entities."""
    event_ids: Mapping[tuple[str, int], bytes]
    """Event ids at those of their numbers that are taken."""
    lost: Collection[Fence]
    """Fences among theirs that are not, or no longer, held."""

    def event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        return self.event_ids.get((entity_id, sequence_nr))

    def may_hold(self, owner: str, epoch: int) -> bool:
        return (owner, epoch) not in self.lost


@asynccontextmanager
async def open_store(dsn: str, options: PostgresOptions) -> AsyncGenerator["PostgresStore"]:
    """The store at `dsn`, closed on exit. Raises `JournalError` if it cannot be opened."""
    store = PostgresStore(dsn, options)
    await store.connections.open()
    try:
        await store.connections.run(OPEN, lambda connection: prepare(connection, store.name, options))
        yield store
    finally:
        await store.connections.close()


@final
class PostgresStore:
    """A `FencingStore`, `OrderedStore` and `DeletingStore`. Every append is one statement, and so one transaction."""

    __slots__ = ("_highest", "_settled", "_sql", "connections", "name")

    def __init__(self, dsn: str, options: PostgresOptions) -> None:
        self.name = shown(dsn)
        self.connections = Connections(normalized(dsn), self.name, options, self._forget)
        self._sql = Statements(options.schema)
        self._highest: Memory = {}
        self._settled = 0
        """No more events appear up to this offset."""

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        tried = False

        async def work(connection: Connection) -> Sequence[AppendOutcome]:
            nonlocal tried
            careful, tried = tried, True
            # The memory of this connection's server: another append may reach a new server at any time.
            memory = self._highest
            try:
                return await self._append(connection, memory, groups, careful=careful)
            except ABOUT_A_ROW:
                # One statement does not say which row it was.
                return await self._append_apart(connection, memory, groups, set())

        return await self.connections.append(work)

    async def _append(
        self,
        connection: Connection,
        memory: Memory,
        groups: Sequence[AppendGroup],
        broken: Collection[Chain] = (),
        *,
        careful: bool = True,
    ) -> Sequence[AppendOutcome]:
        """Store the groups that can be stored. Unless `careful`, the memory is trusted until it proves outdated."""
        found = Found(memory, {}, ())
        if not careful:
            unknown = {group[0].entity_id for group in groups if group} - memory.keys()
            _remember(memory, await self._highest_of(connection, unknown))
        while True:
            if careful:
                # In each iteration: an append in flight may have committed since.
                found = await self._look(connection, groups)
                _remember(memory, found.highest)
            holds = found.may_hold if found.lost else None
            verdict = examine(groups, found.highest, event_id_of=found.event_id_of, holds=holds, broken=broken)
            if (careful or not any(verdict.outcomes)) and await self._insert(connection, verdict.accepted):
                memory.update(verdict.highest)
                return verdict.outcomes
            careful = True

    async def _append_apart(
        self, connection: Connection, memory: Memory, groups: Sequence[AppendGroup], broken: set[Chain]
    ) -> Sequence[AppendOutcome]:
        """Store half by half, down to the groups whose contents PostgreSQL refuses."""
        outcomes: Sequence[AppendOutcome]
        try:
            outcomes = await self._append(connection, memory, groups, broken)
        except ABOUT_A_ROW as error:
            if len(groups) > 1:
                middle = len(groups) // 2
                first = await self._append_apart(connection, memory, groups[:middle], broken)
                return [*first, *await self._append_apart(connection, memory, groups[middle:], broken)]
            outcomes = [unstorable(groups[0], error)]
        broken.update(chain_of(group) for group, outcome in zip(groups, outcomes, strict=True) if outcome is not None)
        return outcomes

    async def _insert(self, connection: Connection, groups: Iterable[AppendGroup]) -> bool:
        """Store all, or nothing if a fence is not held or a number is taken; returns which."""
        records = list(chain.from_iterable(groups))
        if not records:
            return True
        rows = list(map(event_row, records))
        try:
            return await connection.fetchval(self._sql.append, rows, *_columns(_fences_of(records))) > 0
        except asyncpg.UniqueViolationError:
            return False

    async def _look(self, connection: Connection, groups: Sequence[AppendGroup]) -> Found:
        """Read the state that the groups' events may conflict with."""
        records = [record for record in chain.from_iterable(groups) if "\0" not in record.entity_id]
        # Fences first: an owner that has lost one cannot store an event after the events were read.
        fences = _fences_of(records)
        held: list[Any] = await connection.fetch(self._sql.held, *_columns(fences)) if fences else []
        highest = await self._highest_of(connection, {record.entity_id for record in records})
        numbers = [(record.entity_id, record.sequence_nr) for record in records]
        stored = await connection.fetch(self._sql.event_ids, *_columns(numbers))
        return Found(
            highest,
            {(entity_id, sequence_nr): event_id for entity_id, sequence_nr, event_id in stored},
            fences.difference(map(tuple, held)),
        )

    async def _highest_of(self, connection: Connection, entities: Collection[str]) -> Mapping[str, int]:
        asked = [entity_id for entity_id in entities if "\0" not in entity_id]
        rows = await connection.fetch(self._sql.highest, asked) if asked else ()
        return {entity_id: highest or 0 for entity_id, highest in rows}

    def _forget(self) -> None:
        """Forget the highest numbers: a new connection may lead to another server, which has stored less."""
        self._highest = {}

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        if "\0" in entity_id:
            return []
        rows = await self._fetch("read", self._sql.replay, entity_id, from_sequence_nr, to_sequence_nr, max(limit, 0))
        return [event_of(row, self.name) for row in rows]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        if "\0" in entity_id:
            return 0
        ((_, highest),) = await self._fetch("read", self._sql.highest, [entity_id])
        return highest or 0

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        if "\0" not in entity_id:
            await self._fetch("delete events of", self._sql.delete, entity_id, to_sequence_nr)

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        await self._fetch("write to", self._sql.save_snapshot, *snapshot_row(snapshot), keep)

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        if "\0" in entity_id:
            return None
        while rows := await self._fetch("read", self._sql.load_snapshot, entity_id, to_sequence_nr):
            snapshot, intact = snapshot_of(rows[0])
            if intact:
                return snapshot
            _log.warning(
                "the snapshot of %r at event %d in %s is damaged, so an older one or all events are read",
                entity_id,
                snapshot.sequence_nr,
                self.name,
            )
            to_sequence_nr = snapshot.sequence_nr - 1
        return None

    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        async def work(connection: Connection) -> Sequence[Any]:
            try:
                return await connection.fetch(self._sql.claim, key, owner, epoch)
            except asyncpg.LockNotAvailableError:
                return await connection.fetch(self._sql.claim_at_the_gate, key, owner, epoch)

        # Patient: a claiming entity is only starting, no caller waits for a reply yet, and it would retry anyway.
        granted = await self.connections.run("claim a fence in", work, patient=True)
        if not granted:
            fences = await self._fetch("read", self._sql.fence, key)
            raise claim_refused(key, owner, epoch, fences[0] if fences else None)
        return granted[0][0]

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        rows = await self._read_settled(after, limit, tags)
        if not rows:
            # From the settled offset on, even if `after` is lower: events with other tags may lie between the two.
            ((settled,),) = await self._fetch("read", self._sql.settled, max(after, self._settled))
            if settled is not None:
                self._settled = max(self._settled, settled)
                rows = await self._read_settled(after, limit, tags)
        return [OrderedEvent(ordering, event_of(row, self.name)) for *row, ordering in rows]

    async def _read_settled(self, after: int, limit: int, tags: Sequence[str]) -> Sequence[Any]:
        bounds = after, self._settled, max(limit, 0)
        if after >= self._settled:
            return []
        if tags:
            return await self._fetch("read", self._sql.read_tagged, *bounds, list(tags))
        return await self._fetch("read", self._sql.read, *bounds)

    async def highest_offset(self) -> int:
        ((highest,),) = await self._fetch("read", self._sql.highest_offset)
        return highest

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        rows = await self._fetch("read", self._sql.entity_ids, after, limit)
        return [entity_id for (entity_id,) in rows]

    async def _fetch(self, attempt: str, statement: str, *parameters: object) -> Sequence[Any]:
        return await self.connections.run(attempt, lambda connection: connection.fetch(statement, *parameters))


def _remember(memory: Memory, highest: Mapping[str, int]) -> None:
    if len(memory) + len(highest) > REMEMBERED:
        memory.clear()
    memory.update(highest)


def _fences_of(records: Iterable[EventRecord]) -> set[Fence]:
    return {(record.writer, record.epoch) for record in records if record.epoch}


def _columns(pairs: Collection[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [text for text, _ in pairs], [number for _, number in pairs]
