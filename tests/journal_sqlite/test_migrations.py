"""Files of an older version are migrated by the first writer, completely or not at all."""

import asyncio
import sqlite3
from pathlib import Path
from signal import SIGKILL
from zlib import crc32

import pytest
from casty.errors import JournalSchemaError
from casty.spi.journal import SnapshotRecord
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.schema import APPLICATION_ID, MIGRATIONS, VERSION
from casty_journal_sqlite.store import open_store

from tests.journal_sqlite.fakes import child, event, snapshot

EVENTS = [event("a", 1), event("a", 2, tags=("red",)), event("a", 3)]

INSERT_EVENT = """
INSERT INTO {table}
    (entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp, tags, checksum)
VALUES ('a', {number}, 0, 'w', {event_id}, 'bank.Deposited', 2, X'78', 1.25, {tags}, {checksum})
"""
INSERT_SNAPSHOT = """
INSERT INTO snapshots (entity_id, sequence_nr, manifest, version, payload, timestamp, checksum)
VALUES ('a', 3, 'bank.Account', 1, X'73', 1.25, {checksum})
"""


def write_old_journal(path: Path, version: int) -> None:
    """As version 1 or 2 has left it, with three events and a snapshot."""
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[2])
    tags = "'[\"red\"]'"
    for number, table, labels in ((1, "events", "NULL"), (2, "tagged_events", tags), (3, "events", "NULL")):
        event_id = f"X'{event('a', number).event_id.hex()}'"
        connection.execute(
            INSERT_EVENT.format(number=number, table=table, tags=labels, event_id=event_id, checksum=crc32(b"x"))
        )
    connection.execute(INSERT_SNAPSHOT.format(checksum=crc32(b"s")))
    if version == 1:
        connection.execute("DROP TRIGGER delete_event")
        connection.execute("DROP TABLE deletions")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


def version_of(path: Path) -> tuple[int, int]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
        ).fetchone()
    finally:
        connection.close()


async def expect_up_to_date(path: Path) -> None:
    newer = [event("a", 4, tags=("red",))._replace(serializer="json"), event("a", 5)]
    saved = SnapshotRecord("a", 5, "bank.Account", 1, b"t", 1.25, "json")
    async with open_store(str(path), SqliteOptions()) as store:
        assert await store.replay("a", 1, 9, 9) == EVENTS
        assert await store.load_snapshot("a", 9) == snapshot(3)
        assert await store.append([newer]) == [None]
        await store.save_snapshot(saved, 2)
    assert version_of(path) == (APPLICATION_ID, VERSION)
    async with open_store(str(path), SqliteOptions(read_only=True)) as store:
        assert await store.replay("a", 1, 9, 9) == [*EVENTS, *newer]
        assert [entry.record for entry in await store.read(0, 9, ["red"])] == [EVENTS[1], newer[0]]
        assert [await store.load_snapshot("a", last) for last in (4, 9)] == [snapshot(3), saved]


@pytest.mark.parametrize("version", [1, 2])
async def test_an_older_file_is_read_and_brought_up_to_date(path: Path, version: int) -> None:
    write_old_journal(path, version)
    await expect_up_to_date(path)
    async with open_store(str(path), SqliteOptions()) as store:
        await store.delete_events("a", 5)
        assert await store.highest_sequence_nr("a") == 5


async def test_a_reader_changes_nothing(path: Path) -> None:
    write_old_journal(path, 2)
    with pytest.raises(JournalSchemaError, match=r"version 2, and 3 is what is read; open it once without read_only"):
        async with open_store(str(path), SqliteOptions(read_only=True)):
            pass
    assert version_of(path) == (APPLICATION_ID, 2)


async def test_stores_that_open_it_at_once_bring_it_up_to_date_once(path: Path) -> None:
    write_old_journal(path, 1)

    async def opening() -> None:
        async with open_store(str(path), SqliteOptions()) as store:
            assert await store.replay("a", 1, 9, 9) == EVENTS

    await asyncio.gather(*(opening() for _ in range(4)))
    await expect_up_to_date(path)


KILLED = """
import os, signal
from casty_journal_sqlite import connections
count = int(sys.stdin.readline())
run = connections.aiosqlite.Connection.execute_fetchall
async def execute_fetchall(self, sql, parameters=None):
    global count
    if not sql.startswith("PRAGMA journal_mode"):
        count -= 1
        if count < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return await run(self, sql, parameters)
connections.aiosqlite.Connection.execute_fetchall = execute_fetchall
async def main():
    async with open_store(path, SqliteOptions()):
        pass
asyncio.run(main())
"""


async def test_a_kill_leaves_it_as_it_was(path: Path) -> None:
    """Before each statement of an opening: what is left is the old file, or the new one, and opens."""
    write_old_journal(path, 2)
    versions: list[int] = []
    for count in range(50):
        with child(KILLED, path) as process:
            process.communicate(f"{count}\n", timeout=200)
        versions.append(version_of(path)[1])
        if process.returncode == 0:
            break
        assert process.returncode == -SIGKILL
    assert len(versions) > 8
    assert versions == sorted(versions)
    assert set(versions) == {2, VERSION}
    await expect_up_to_date(path)
