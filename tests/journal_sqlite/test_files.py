"""Files that are missing, full, damaged, foreign, locked or of the future."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from casty.errors import JournalError, JournalSchemaError
from casty_journal_sqlite.options import SqliteOptions, Synchronous
from casty_journal_sqlite.schema import APPLICATION_ID, VERSION
from casty_journal_sqlite.store import open_store

from tests.journal_sqlite.fakes import child, event


async def opening(path: Path) -> None:
    async with open_store(str(path), SqliteOptions(busy_timeout=0.01)):
        pass


async def make_journal(path: Path, events: int = 1) -> None:
    async with open_store(str(path), SqliteOptions()) as store:
        await store.append([[event("a", n, b"p" * 500) for n in range(1, events + 1)], [event("b", 1)]])


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        rows = [connection.execute(statement).fetchone() for statement in statements]
        connection.commit()
        return rows
    finally:
        connection.close()


async def test_a_new_file_is_marked_and_in_wal_mode(path: Path) -> None:
    await make_journal(path)
    marks = execute(path, "PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode")
    assert marks == [(APPLICATION_ID,), (VERSION,), ("wal",)]


@pytest.mark.parametrize(("synchronous", "level"), [(Synchronous.FULL, 2), (Synchronous.NORMAL, 1)])
async def test_the_disk_is_waited_for_as_chosen(path: Path, synchronous: Synchronous, level: int) -> None:
    async with open_store(str(path), SqliteOptions(synchronous=synchronous)) as store:
        assert await store._writing.execute_fetchall("PRAGMA synchronous") == [(level,)]


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "events.db"
    with pytest.raises(JournalError, match=r"cannot open .*missing/events\.db: .*; create its directory"):
        await opening(path)


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await make_journal(path)
    execute(path, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(JournalSchemaError, match=r"events\.db has schema version 4; .* knows only 3; install a newer"):
        await opening(path)


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE users (id)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_another_programs_database_is_refused_and_left_alone(path: Path, statement: str) -> None:
    execute(path, "PRAGMA journal_mode = DELETE", statement)
    before = path.read_bytes()
    with pytest.raises(JournalSchemaError, match="is not a Casty journal; name another file"):
        asyncio.run(opening(path))
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(JournalSchemaError, match=r"events\.db is not a Casty journal"):
        asyncio.run(opening(path))
    assert path.read_bytes() == b"Dear diary, " * 500


async def test_damaged_pages_are_an_error_that_names_the_cure(path: Path) -> None:
    await make_journal(path, events=200)
    (page_size,), (root,) = execute(
        path, "PRAGMA page_size", "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
    )
    assert isinstance(page_size, int)
    assert isinstance(root, int)
    with path.open("r+b") as file:
        file.seek((root - 1) * page_size)
        file.write(os.urandom(page_size))
    async with open_store(str(path), SqliteOptions()) as store:
        with pytest.raises(JournalError, match=r"cannot read .*events\.db: .*malformed; restore a backup"):
            await store.replay("a", 0, 999, 999)


async def test_a_full_disk_stores_nothing_and_the_store_goes_on_when_there_is_room(path: Path) -> None:
    async with open_store(str(path), SqliteOptions()) as store:
        ((pages,),) = await store._writing.execute_fetchall("PRAGMA page_count")
        await store._writing.execute_fetchall(f"PRAGMA max_page_count = {pages + 2}")
        large = [event("a", number, bytes(2000)) for number in range(1, 100)]
        with pytest.raises(JournalError, match=r"cannot write to .*events\.db: .*full; .*make room"):
            await store.append([large, [event("b", 1)]])
        assert await store.highest_sequence_nr("a") == await store.highest_sequence_nr("b") == 0
        await store._writing.execute_fetchall("PRAGMA max_page_count = 100000")
        assert await store.append([large, [event("b", 1)]]) == [None, None]


async def test_a_file_locked_by_another_process_is_an_error_after_the_timeout(path: Path) -> None:
    await make_journal(path)
    async with open_store(str(path), SqliteOptions(busy_timeout=0.01)) as store:
        foreign = sqlite3.connect(path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"cannot write to .*events\.db: .*locked; .*raise busy_timeout"):
            await store.append([[event("b", 2)]])
        foreign.close()
        assert await store.append([[event("b", 2)]]) == [None]


async def test_a_limit_on_the_size_of_files_is_survived(path: Path) -> None:
    program = """
import resource
from casty.errors import JournalError
async def main():
    async with open_store(path, SqliteOptions()) as store:
        number = 0
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            while True:
                await store.append([[event("a", number + 1, bytes(4000))]])
                number += 1
        except JournalError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await store.append([[event("a", number + 1)]]) == [None]
        print(number + 1)
asyncio.run(main())
"""
    output, errors = child(program, path).communicate(timeout=200)
    assert errors == ""
    complaint, stored = output.splitlines()
    assert complaint.startswith(f"cannot write to the SQLite journal {path}: ")
    assert complaint.endswith(("check the disk, its free space, and the limit on the size of files", "was stored)"))
    async with open_store(str(path), SqliteOptions()) as store:
        assert await store.highest_sequence_nr("a") == int(stored) > 5


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that other users can reach: pytest closes its own to them again whenever another pytest starts."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_read_only_file_is_an_error_that_names_the_cure(readable: Path) -> None:
    path = readable / "events.db"
    asyncio.run(make_journal(path))
    program = """
import os
from casty.errors import JournalError
async def main():
    try:
        async with open_store(path, SqliteOptions()):
            pass
    except JournalError as error:
        print(error)
if os.getuid() == 0:
    os.setuid(65534)
asyncio.run(main())
"""
    path.chmod(0o444)
    readable.chmod(0o555)
    output, errors = child(program, path).communicate(timeout=200)
    readable.chmod(0o755)
    assert errors == ""
    assert output.startswith(f"cannot open the SQLite journal {path}: ")
    assert "write access to the file and to its directory" in output
