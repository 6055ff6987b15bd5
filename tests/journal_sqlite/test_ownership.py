"""One process owns a journal file; others may look at it."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from casty.errors import JournalError, JournalSchemaError
from casty.journal import PersistedEvent
from casty.spi.journal import EventRecord
from casty_journal_sqlite import SqliteJournal
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import SqliteStore, open_store

from tests.journal_sqlite.fakes import child, event

READ_ONLY = SqliteOptions(read_only=True)

OWN_FOR_EVER = """
async def main():
    async with open_store(path, SqliteOptions()) as store:
        print(await store.append([[event("a", 1)]]), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def opening(path: Path, *, read_only: bool = False) -> None:
    async with open_store(str(path), SqliteOptions(read_only=read_only)):
        pass


async def test_the_error_of_a_second_process_names_the_owner_of_the_file(path: Path) -> None:
    with child(OWN_FOR_EVER, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[None]\n"
        reason = rf"events\.db is open in another process, {process.pid}, and has one owner"
        for _ in range(2):  # being refused takes nothing from the owner
            with pytest.raises(JournalError, match=reason):
                await opening(path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        async with open_store(str(path), SqliteOptions()) as store:
            assert await store.append([[event("a", 2)]]) == [None]


async def test_another_name_for_the_file_is_the_same_file(path: Path) -> None:
    with child(OWN_FOR_EVER, path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(JournalError, match="is open in another process"):
            await opening(link)
        process.kill()


async def test_the_last_store_of_a_process_gives_the_file_back(path: Path) -> None:
    attempt = """
from casty.errors import JournalError
async def main():
    try:
        async with open_store(path, SqliteOptions()):
            print("opened")
    except JournalError as error:
        print("refused")
asyncio.run(main())
"""

    def outcome() -> str:
        return child(attempt, path).communicate(timeout=200)[0].strip()

    async with open_store(str(path), SqliteOptions()):
        async with open_store(str(path), SqliteOptions()):
            assert await asyncio.to_thread(outcome) == "refused"
        assert await asyncio.to_thread(outcome) == "refused"
    assert await asyncio.to_thread(outcome) == "opened"


def open_in_child(path: Path) -> None:
    try:
        asyncio.run(opening(path))
    except JournalError as error:
        os._exit(7 if "is open in another process" in str(error) else 1)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_a_fork_of_the_owner_owns_nothing(path: Path, store: SqliteStore) -> None:
    forked = multiprocessing.get_context("fork").Process(target=open_in_child, args=(path,))
    await asyncio.to_thread(forked.start)
    await asyncio.to_thread(forked.join)
    assert forked.exitcode == 7


async def test_a_reader_sees_what_the_owner_writes_and_writes_nothing(path: Path) -> None:
    with child(OWN_FOR_EVER, path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        async with open_store(str(path), READ_ONLY) as reader:
            assert await reader.replay("a", 1, 9, 9) == [event("a", 1)]
            assert await reader.entity_ids("", 9) == ["a"]
            with pytest.raises(JournalError, match=r"cannot write to .*readonly.*, or open it to write"):
                await reader.append([[event("a", 2)]])
            with pytest.raises(JournalError, match="cannot write to"):
                await reader.claim("shard", "reader")
        process.kill()


async def test_a_journal_without_an_owner_can_be_read_only_too(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await journal.persist("a", [PersistedEvent(1, "event", 1.5)])
    async with SqliteJournal(path, read_only=True) as reader, SqliteJournal(path) as journal:
        assert await reader.load("a") == [PersistedEvent(1, "event", 1.5)]
        await journal.persist("a", [PersistedEvent(2, "event", 1.5)])
        assert len(await reader.load("a")) == 2


def test_a_reader_leaves_the_file_of_a_killed_owner_as_it_is(path: Path) -> None:
    with child(OWN_FOR_EVER, path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    async def read() -> Sequence[EventRecord]:
        async with open_store(str(path), SqliteOptions(read_only=True)) as reader:
            return await reader.replay("a", 1, 9, 9)

    before = path.read_bytes()
    assert asyncio.run(read()) == [event("a", 1)]
    assert path.read_bytes() == before


def test_there_has_to_be_something_to_read(path: Path) -> None:
    with pytest.raises(JournalError, match=r"there is no SQLite journal .*events\.db to read; name another"):
        asyncio.run(opening(path, read_only=True))
    path.touch()
    with pytest.raises(JournalSchemaError, match="is not a Casty journal"):
        asyncio.run(opening(path, read_only=True))
    assert path.read_bytes() == b""


async def test_a_lock_that_cannot_be_made_is_an_error_that_names_the_cure(path: Path) -> None:
    path.with_name("events.db-lock").mkdir()
    with pytest.raises(JournalError, match=r"cannot open .*events\.db: .*events\.db-lock'; give this process write"):
        await opening(path)


def test_a_foreign_file_gets_no_lock_beside_it(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)
    with pytest.raises(JournalSchemaError):
        asyncio.run(opening(path))
    assert list(path.parent.iterdir()) == [path]
