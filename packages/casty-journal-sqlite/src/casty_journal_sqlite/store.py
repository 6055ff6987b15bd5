"""The journal store on SQLite.

An entity's highest number is remembered, not read, before each append. That is safe, also beside other
processes that write to the same file: numbers only grow, so if the memory is behind, the number after it is
taken and the table's uniqueness refuses it. Only then, or before a group is refused, the table is asked.
"""

import json
import logging
import sqlite3
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import batched, chain
from typing import Any, Final, final
from zlib import crc32

import aiosqlite
from casty.errors import JournalError
from casty.persistence.sequence import Chain, chain_of, conflict, examine
from casty.spi.journal import AppendGroup, AppendOutcome, EventRecord, JournalCapabilities, SnapshotRecord

from casty_journal_sqlite import schema
from casty_journal_sqlite.connections import enter_connection, prepare_to_read, prepare_to_write
from casty_journal_sqlite.failures import explained
from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions

REMEMBERED: Final = 100_000
"""Entities whose highest number is kept in memory, at about 150 bytes each."""

_ROW_ERRORS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    UnicodeError,
    OverflowError,
)
"""What one row can be guilty of; anything else is wrong with the file as a whole."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_store(path: str, options: SqliteOptions) -> AsyncGenerator["SqliteStore"]:
    """The store in the file `path`, closed on exit. Raises `JournalError` if it cannot be opened."""
    # One generator, not a nest of them: an event loop that ends before us closes all generators at once.
    async with AsyncExitStack() as connections:
        with explained(path, "open"):
            writing = await enter_connection(connections, path, options)
            await prepare_to_write(path, writing, options)
            reading = await enter_connection(connections, path, options)
            await prepare_to_read(reading)
        yield SqliteStore(path, writing, reading)


@final
class SqliteStore:
    """A `JournalStore` over two connections. Every write is one statement or one `executemany`, and so one
    transaction.
    """

    __slots__ = ("_highest", "_path", "_reading", "_writing")

    def __init__(self, path: str, writing: aiosqlite.Connection, reading: aiosqlite.Connection) -> None:
        self._path = path
        self._writing = writing
        self._reading = reading
        self._highest: dict[str, int] = {}

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        with explained(self._path, "write to"):
            try:
                return await self._append(groups)
            except _ROW_ERRORS:
                # One statement does not say which row it was.
                return await self._append_each(groups)

    async def _append(self, groups: Sequence[AppendGroup], broken: Collection[Chain] = ()) -> Sequence[AppendOutcome]:
        entities = {group[0].entity_id for group in groups if group}
        await self._look_up(entities - self._highest.keys())
        outcomes, highest = examine(groups, self._highest, broken)
        if any(outcomes):
            await self._look_up(entities)
            outcomes, highest = examine(groups, self._highest, broken)
        accepted = [group for group, outcome in zip(groups, outcomes, strict=True) if outcome is None]
        await self._insert(accepted)
        self._highest.update(highest)
        return outcomes

    async def _append_each(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        outcomes: list[AppendOutcome] = []
        broken: set[Chain] = set()
        for group in groups:
            outcome = await self._append_alone(group, broken) if group else None
            if outcome is not None:
                broken.add(chain_of(group))
            outcomes.append(outcome)
        return outcomes

    async def _append_alone(self, group: AppendGroup, broken: Collection[Chain]) -> AppendOutcome:
        first = group[0]
        self._highest.pop(first.entity_id, None)
        try:
            return (await self._append([group], broken))[0]
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                # Another process has written since the table was asked, a moment ago.
                return conflict(first.entity_id, first.sequence_nr, group[-1].sequence_nr + 1)
            return _unstorable(group, error)
        except _ROW_ERRORS as error:
            return _unstorable(group, error)

    async def _look_up(self, entities: Collection[str]) -> None:
        if not entities:
            return
        if len(self._highest) + len(entities) > REMEMBERED:
            self._highest.clear()
        self._highest.update(dict.fromkeys(entities, 0))
        for some in batched(entities, schema.LARGEST):
            size = schema.size_for(len(some))
            parameters = (*some, *[None] * (size - len(some)))
            found: Any = await self._reading.execute_fetchall(schema.highest_of(size), parameters)
            self._highest.update(found)

    async def _insert(self, groups: Iterable[AppendGroup]) -> None:
        parameters: list[object] = []
        for record in chain.from_iterable(groups):
            parameters += record[:-1]
            parameters += (json.dumps(record.tags) if record.tags else None, crc32(record.payload))
        if not parameters:
            return
        size = schema.size_for(len(parameters) // schema.WIDTH)
        statement, step = schema.insert_events(size), size * schema.WIDTH
        parameters += [None] * (-len(parameters) % step)
        if len(parameters) == step:
            await self._writing.execute_fetchall(statement, parameters)
        else:
            await self._writing.executemany(statement, list(batched(parameters, step)))

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        with explained(self._path, "read"):
            rows: Any = await self._reading.execute_fetchall(
                schema.REPLAY, (entity_id, from_sequence_nr, to_sequence_nr, max(limit, 0))
            )
        return [self._record(row) for row in rows]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        with explained(self._path, "read"):
            ((highest,),) = await self._reading.execute_fetchall(schema.HIGHEST, (entity_id,))
        return highest

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        with explained(self._path, "write to"):
            # Two transactions: between them there is only one snapshot too many.
            await self._writing.execute_fetchall(schema.SAVE_SNAPSHOT, (*snapshot, crc32(snapshot.payload)))
            await self._writing.execute_fetchall(schema.PRUNE_SNAPSHOTS, (snapshot.entity_id, keep))

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        while True:
            with explained(self._path, "read"):
                rows: Any = await self._reading.execute_fetchall(schema.LOAD_SNAPSHOT, (entity_id, to_sequence_nr))
            if not rows:
                return None
            ((*fields, checksum),) = rows
            snapshot = SnapshotRecord(*fields)
            if crc32(snapshot.payload) == checksum:
                return snapshot
            _log.warning(
                "the snapshot of %r at event %d in %s is damaged, so an older one or all events are read",
                entity_id,
                snapshot.sequence_nr,
                self._path,
            )
            to_sequence_nr = snapshot.sequence_nr - 1

    def _record(self, row: tuple[Any, ...]) -> EventRecord:
        *fields, tags, checksum = row
        record = EventRecord._make((*fields, () if tags is None else tuple(json.loads(tags))))
        if crc32(record.payload) != checksum:
            raise JournalError(
                f"event {record.sequence_nr} of {record.entity_id!r} in the SQLite journal "
                f"{self._path} is damaged: its bytes do not match their checksum; restore a backup"
            )
        return record


def _unstorable(group: AppendGroup, error: Exception) -> JournalError:
    unstorable = JournalError(
        f"events {group[0].sequence_nr} to {group[-1].sequence_nr} of the entity {group[0].entity_id!r} "
        f"cannot be stored by SQLite: {error}"
    )
    unstorable.__cause__ = error
    return unstorable
