"""Journals in SQLite files, and aiosqlite and sqlite3 alone with the same rows."""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiosqlite
from casty.journal import SqliteJournal, StoreJournal
from journal_raw import Decode, Row, group_commit

SCHEMA: Final = """
CREATE TABLE events (
    ordering INTEGER PRIMARY KEY AUTOINCREMENT, entity_id TEXT NOT NULL, sequence_nr INTEGER NOT NULL,
    epoch INTEGER NOT NULL, writer TEXT NOT NULL, event_id BLOB NOT NULL, manifest TEXT NOT NULL,
    version INTEGER NOT NULL, payload BLOB NOT NULL, timestamp REAL NOT NULL, tags TEXT,
    UNIQUE (entity_id, sequence_nr)
)
"""
INSERT: Final = (
    "INSERT INTO events "
    "(entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
DECODABLE: Final = "SELECT manifest, version, payload FROM events WHERE entity_id = ? ORDER BY sequence_nr"


class SqlitePlace:
    """A folder of files."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()

    def journal(self, name: str) -> StoreJournal:
        return SqliteJournal(self._path(name))

    async def drop(self, name: str) -> None:
        path = self._path(name)
        for file in (path, f"{path}-wal", f"{path}-shm", f"{path}-lock"):
            with suppress(FileNotFoundError):
                os.unlink(file)

    async def raw_group_commit(self, name: str, events: int, producers: int) -> float:
        async with aiosqlite.connect(self._path(name), isolation_level="IMMEDIATE") as connection:
            await connection.execute_fetchall("PRAGMA journal_mode = WAL")
            await connection.execute_fetchall("PRAGMA synchronous = FULL")
            await connection.execute_fetchall(SCHEMA)

            async def commit(rows: Sequence[Row]) -> None:
                await connection.executemany(INSERT, rows)
                await connection.commit()

            return await group_commit(commit, events, producers)

    async def raw_recovery[S](
        self, name: str, entity_id: str, decode: Decode, fold: Callable[[S, Any], S], state: S
    ) -> float:
        connection = sqlite3.connect(self._path(name))
        try:
            start = time.perf_counter()
            rows = connection.execute(DECODABLE, (entity_id,)).fetchall()
            for manifest, version, payload in rows:
                state = fold(state, decode(manifest, version, payload))
            return len(rows) / (time.perf_counter() - start)
        finally:
            connection.close()

    def _path(self, name: str) -> str:
        return f"{self._folder.name}/{name}.db"
