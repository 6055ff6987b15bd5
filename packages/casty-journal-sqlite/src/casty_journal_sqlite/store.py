"""The journal store on SQLite."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, final

import aiosqlite
from casty.errors import JournalUnavailableError
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)
from casty.spi.sequence import claim_refused

from casty_journal_sqlite import statements
from casty_journal_sqlite.appending import Appender
from casty_journal_sqlite.connections import enter_reading, enter_writing
from casty_journal_sqlite.failures import explained
from casty_journal_sqlite.identity import OpenFiles
from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions
from casty_journal_sqlite.rows import event_of, snapshot_of, snapshot_row

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_store(path: str, options: SqliteOptions) -> AsyncGenerator["SqliteStore"]:
    """The store in the file `path`, closed on exit. Raises `JournalError` if it cannot be opened."""
    # One generator, not nested ones: an event loop that ends first closes all generators at once.
    async with AsyncExitStack() as connections:
        with explained(path, "open"):
            if options.read_only:
                reading = writing = await enter_reading(connections, path, options)
            else:
                writing = await enter_writing(connections, path, options)
                reading = await enter_reading(connections, path, options)
            # A read-only store acknowledges nothing, and its file need not have a log.
            files = None if options.read_only else OpenFiles(path)
        yield SqliteStore(path, writing, reading, files)


@final
class SqliteStore:
    """A store over two connections. Every write is one statement or one `executemany`, and so one transaction."""

    __slots__ = ("_appender", "_files", "_path", "_reading", "_writing")

    def __init__(
        self, path: str, writing: aiosqlite.Connection, reading: aiosqlite.Connection, files: OpenFiles | None
    ) -> None:
        self._path = path
        self._files = files
        self._writing = writing
        self._reading = reading
        self._appender = Appender(writing, reading)

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        with explained(self._path, "write to"):
            outcomes = await self._appender.append(groups)
        self._check_files()
        return outcomes

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        parameters = (entity_id, from_sequence_nr, to_sequence_nr, max(limit, 0))
        return [event_of(row, self._path) for row in await self._rows(statements.REPLAY, parameters)]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        ((highest,),) = await self._rows(statements.HIGHEST, (entity_id,))
        return highest

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        with explained(self._path, "write to"):
            await self._writing.execute_fetchall(statements.DELETE, (entity_id, to_sequence_nr))
        self._check_files()

    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        if epoch is not None and await self._fence(key) == (owner, epoch):
            return epoch  # each entity of a shard repeats the claim, which needs no commit
        with explained(self._path, "write to"):
            granted: Any = await self._writing.execute_fetchall(
                statements.CLAIM, {"key": key, "owner": owner, "epoch": epoch}
            )
        self._check_files()
        for (new_epoch,) in granted:
            return new_epoch
        raise claim_refused(key, owner, epoch, await self._fence(key))

    async def _fence(self, key: str) -> tuple[str, int] | None:
        """Its owner and epoch, None if it was never claimed."""
        fences = await self._rows(statements.FENCE, (key,))
        return fences[0] if fences else None

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        limit = max(limit, 0)
        if tags:
            parameters = [value for tag in tags for value in (tag, after, limit)]
            rows = await self._rows(statements.read_tagged(len(tags)), (*parameters, limit))
        else:
            rows = await self._rows(statements.READ, (after, limit))
        return [OrderedEvent(ordering, event_of(row, self._path)) for ordering, *row in rows]

    async def highest_offset(self) -> int:
        ((highest,),) = await self._rows(statements.HIGHEST_OFFSET, ())
        return highest

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        return [entity_id for (entity_id,) in await self._rows(statements.ENTITY_IDS, (after, max(limit, 0)))]

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        with explained(self._path, "write to"):
            # Two transactions are safe: between them there is only one snapshot too many.
            await self._writing.execute_fetchall(statements.SAVE_SNAPSHOT, snapshot_row(snapshot))
            await self._writing.execute_fetchall(
                statements.PRUNE_SNAPSHOTS, {"entity_id": snapshot.entity_id, "keep": keep}
            )
        self._check_files()

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        while rows := await self._rows(statements.LOAD_SNAPSHOT, (entity_id, to_sequence_nr)):
            snapshot, intact = snapshot_of(rows[0])
            if intact:
                return snapshot
            _log.warning(
                "the snapshot of %r at event %d in %s is damaged, so an older one or all events are read",
                entity_id,
                snapshot.sequence_nr,
                self._path,
            )
            to_sequence_nr = snapshot.sequence_nr - 1
        return None

    def _check_files(self) -> None:
        """Raises `JournalUnavailableError` if the files just committed or read are no longer those at the path."""
        if self._files is not None and (complaint := self._files.complaint()) is not None:
            raise JournalUnavailableError(f"the SQLite journal {self._path} is gone: {complaint}")

    async def _rows(self, statement: str, parameters: Sequence[object]) -> Sequence[Any]:
        with explained(self._path, "read"):
            rows: Any = await self._reading.execute_fetchall(statement, parameters)
        self._check_files()
        return rows
