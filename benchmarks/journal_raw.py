"""The floors of a SQLite journal: what the driver alone does with the same rows, to be measured in the same
run as Casty.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from itertools import batched
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

import aiosqlite

type Store = Callable[[int, int], asyncio.Future[None]]
"""Stores an event of the entity with the number; done when it is durable."""

type Row = tuple[str, int, int, str, bytes, str, int, bytes, float, None]

BATCH: Final = 1_000
PAYLOAD: Final = b"\xa5" * 100

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
REPLAY: Final = "SELECT * FROM events WHERE entity_id = ? ORDER BY sequence_nr"
DECODABLE: Final = "SELECT manifest, version, payload FROM events WHERE entity_id = ? ORDER BY sequence_nr"


def row(entity: int, sequence_nr: int) -> Row:
    """An event of 100 bytes, as a journal stores it."""
    return (
        f"account-{entity:06d}",
        sequence_nr,
        0,
        "5f0c2a1b9d3e4f68",
        token_bytes(16),
        "bank.Deposited",
        1,
        PAYLOAD,
        time.time(),
        None,
    )


def raw_batches(path: Path, events: int, batch: int = BATCH) -> float:
    """Events per second of sqlite3 on this thread, committed `batch` at a time."""
    with _connected(path) as connection:
        rows = [row(number % 100, number // 100 + 1) for number in range(events)]
        start = time.perf_counter()
        for some in batched(rows, batch):
            connection.executemany(INSERT, some)
            connection.commit()
        return events / (time.perf_counter() - start)


def raw_replay(path: Path) -> float:
    """Rows per second of `fetchall` on this thread, of a file that `raw_batches` has written."""
    connection = sqlite3.connect(path)
    try:
        start = time.perf_counter()
        rows = sum(len(connection.execute(REPLAY, (f"account-{n:06d}",)).fetchall()) for n in range(100))
        return rows / (time.perf_counter() - start)
    finally:
        connection.close()


def raw_recovery[S](
    path: Path, entity_id: str, decode: Callable[[str, int, bytes], object], fold: Callable[[S, Any], S], state: S
) -> float:
    """Events per second of `fetchall` on this thread, `decode` and `fold`, of a file that a journal has written."""
    connection = sqlite3.connect(path)
    try:
        start = time.perf_counter()
        rows = connection.execute(DECODABLE, (entity_id,)).fetchall()
        for manifest, version, payload in rows:
            state = fold(state, decode(manifest, version, payload))
        return len(rows) / (time.perf_counter() - start)
    finally:
        connection.close()


async def raw_group_commit(path: Path, events: int, producers: int = 100) -> float:
    """Events per second of `producers` that each wait for their event's commit, over aiosqlite.

    One task commits: what arrives during a commit is the next `executemany`.
    """
    queue: list[tuple[Row, asyncio.Future[None]]] = []
    async with aiosqlite.connect(path, isolation_level="IMMEDIATE") as connection:
        await _prepare(connection)
        wake = asyncio.Event()

        async def commit() -> None:
            while True:
                await wake.wait()
                wake.clear()
                while queue:
                    some = queue[:BATCH]
                    del queue[:BATCH]
                    await connection.executemany(INSERT, [entry[0] for entry in some])
                    await connection.commit()
                    for _, stored in some:
                        stored.set_result(None)

        def store(entity: int, sequence_nr: int) -> asyncio.Future[None]:
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append((row(entity, sequence_nr), stored))
            wake.set()
            return stored

        committer = asyncio.create_task(commit())
        rate = await producing(store, events, producers)
        committer.cancel()
        return rate


async def producing(store: Store, events: int, producers: int = 100) -> float:
    """Events per second of `producers` tasks that each wait for one event after the other."""

    async def produce(entity: int) -> None:
        for sequence_nr in range(1, events // producers + 1):
            await store(entity, sequence_nr)

    start = time.perf_counter()
    await asyncio.gather(*(produce(entity) for entity in range(producers)))
    return events / (time.perf_counter() - start)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level="IMMEDIATE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(SCHEMA)
    return connection


async def _prepare(connection: aiosqlite.Connection) -> None:
    await connection.execute_fetchall("PRAGMA journal_mode = WAL")
    await connection.execute_fetchall("PRAGMA synchronous = FULL")
    await connection.execute_fetchall(SCHEMA)
