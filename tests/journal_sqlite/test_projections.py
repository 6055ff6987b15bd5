"""Projections whose rows and offsets are in one SQLite file: killed, cancelled, competing, and in bad places."""

import asyncio
import sqlite3
import subprocess
import sys
from asyncio.subprocess import PIPE
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import aiosqlite
import pytest
from casty import Projection
from casty.errors import ConfigError, OffsetStoreError
from casty.journal import EventEnvelope, SqliteJournal, SqliteOffsets
from casty.projections import OnError
from casty.testing.conformance.offset_store import Capabilities, Check, Subject, checks

from tests.core.projections.fakes import Deposited, Envelope, deposit
from tests.examples.programs import ROOT
from tests.journal_sqlite.projecting import book, empty, fold, rows, write

EVENTS = 1_000
KILLS = 6


def balances(journal: SqliteJournal, path: Path, *, batch_size: int = 7) -> Projection[Deposited, aiosqlite.Connection]:
    # Of processes that want the lock, SQLite lets the same one have it again and again.
    offsets = SqliteOffsets(path, busy_timeout=30)
    return Projection("balances", journal, book, offsets, reset=empty, batch_size=batch_size)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "rows.db"


def handled_until_killed(journal: Path, target: Path, after: int) -> list[int]:
    """The offsets that a process has handled, committed or not, before SIGKILL."""
    program = [sys.executable, "-m", "tests.journal_sqlite.projecting", str(journal), str(target)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = list(islice(process.stdout, after))
        process.kill()
        lines += process.stdout
    return [int(line) for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("check", checks(Capabilities(transactional=True)))
async def test_conformance(check: Check, target: Path) -> None:
    async def insert(db: aiosqlite.Connection, row: str) -> None:
        await db.execute("INSERT INTO rows VALUES (?)", (row,))

    async def committed() -> list[str]:
        async with aiosqlite.connect(target) as db:
            return [row for (row,) in await db.execute_fetchall("SELECT row FROM rows ORDER BY rowid")]

    with closing(sqlite3.connect(target, autocommit=True)) as setup:
        setup.execute("CREATE TABLE rows (row TEXT)")
    await check(Subject(lambda: SqliteOffsets(target).open(), insert, committed))


async def test_over_kills_each_event_counts_once(path: Path, target: Path) -> None:
    random = Random(1)
    async with SqliteJournal(path) as journal:
        await write(journal, EVENTS)
        wanted = await fold(journal)
        handled = list[int]()
        committed = list[int]()
        for _ in range(KILLS):
            handled += await asyncio.to_thread(handled_until_killed, path, target, random.randint(1, 60))
            committed, _ = await rows(target)
            assert committed == list(range(1, len(committed) + 1))
        assert 0 < len(committed) < EVENTS, "the kills came too late to mean anything"
        assert len(handled) > len(set(handled)), "no kill has hit a transaction"
        await balances(journal, target).run_once()
    assert await rows(target) == wanted


async def test_it_follows_while_others_write(path: Path, target: Path) -> None:
    async with SqliteJournal(path) as journal, balances(journal, target) as projection:
        await asyncio.gather(*(deposit(journal, f"account-{number}", *range(50)) for number in range(8)))
        await projection.caught_up()
        assert await rows(target) == await fold(journal)
        await projection.rebuild()
        await projection.caught_up()
        assert await rows(target) == await fold(journal)


ONCE = """
import asyncio, sys
from pathlib import Path
from casty.journal import SqliteJournal
from tests.journal_sqlite.test_projections import balances
print(asyncio.run(balances(SqliteJournal(sys.argv[1], read_only=True), Path(sys.argv[2])).run_once()))
"""


async def test_of_processes_that_project_at_the_same_time_each_event_is_handled_by_one(
    path: Path, target: Path
) -> None:
    async with SqliteJournal(path) as journal:
        await write(journal, 70)
        wanted = await fold(journal)
    program = [sys.executable, "-c", ONCE, str(path), str(target)]
    processes = [await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=PIPE) for _ in range(3)]
    counts = [int((await process.communicate())[0]) for process in processes]
    assert sum(counts) == 70
    assert await rows(target) == wanted


async def test_a_handler_cannot_commit_on_its_own(path: Path, target: Path) -> None:
    async def handler(db: aiosqlite.Connection, envelope: Envelope) -> None:
        await book(db, envelope)
        await db.commit()
        await db.executescript("CREATE TABLE IF NOT EXISTS other (x); INSERT INTO other VALUES (1);")
        await db.rollback()
        if envelope.event.amount == 3:
            raise ValueError

    offsets = SqliteOffsets(target)
    async with SqliteJournal(path) as journal:
        await deposit(journal, "a", 1, 2, 3)
        projection = Projection("balances", journal, handler, offsets, reset=empty, on_error=OnError.skip)
        assert await projection.run_once() == 2
    assert await rows(target) == ([1, 2], {"a": 3})
    async with aiosqlite.connect(target) as db:
        assert list(await db.execute_fetchall("SELECT count(*) FROM other")) == [(2,)]


async def test_a_cancelled_handler_leaves_nothing_behind(path: Path, target: Path) -> None:
    reached = asyncio.Event()

    async def handler(db: aiosqlite.Connection, envelope: Envelope) -> None:
        await book(db, envelope)
        reached.set()
        # A statement that takes for ever would hold its thread; a thousand short ones can be left.
        while True:
            await db.execute("UPDATE balances SET balance = balance + 1")

    async with SqliteJournal(path) as journal:
        await deposit(journal, "a", 1)
        async with Projection("balances", journal, handler, SqliteOffsets(target), reset=empty):
            await reached.wait()
        await balances(journal, target).run_once()
    assert await rows(target) == ([1], {"a": 1})


async def test_rows_can_be_read_while_they_are_written(path: Path, target: Path) -> None:
    seen = list[object]()

    async def handler(db: aiosqlite.Connection, envelope: Envelope) -> None:
        await book(db, envelope)
        seen.append(await rows(target))

    async with SqliteJournal(path) as journal:
        await deposit(journal, "a", 1, 2)
        await Projection("balances", journal, handler, SqliteOffsets(target), reset=empty).run_once()
    assert seen == [([], {}), ([], {})]


async def test_a_reader_does_not_block_writers(path: Path, target: Path) -> None:
    async with SqliteJournal(path) as journal:
        await deposit(journal, "a", 1)
        await balances(journal, target).run_once()
        await deposit(journal, "a", 2, first=2)
        async with aiosqlite.connect(target, isolation_level=None) as reader:
            await reader.execute("BEGIN")
            before = await reader.execute_fetchall("SELECT * FROM balances")
            impatient = SqliteOffsets(target, busy_timeout=0)
            assert await Projection("balances", journal, book, impatient, reset=empty).run_once() == 1
            assert await reader.execute_fetchall("SELECT * FROM balances") == before
    assert await rows(target) == ([1, 2], {"a": 3})


async def test_several_projections_share_a_file(path: Path, target: Path) -> None:
    async def count(db: aiosqlite.Connection, envelope: EventEnvelope[Deposited]) -> None:
        await db.execute("UPDATE counts SET events = events + 1")

    async def count_none(db: aiosqlite.Connection) -> None:
        await db.executescript(
            "DROP TABLE IF EXISTS counts; CREATE TABLE counts (events); INSERT INTO counts VALUES (0)"
        )

    async with SqliteJournal(path) as journal:
        counts = Projection("counts", journal, count, SqliteOffsets(target), reset=count_none, batch_size=5)
        async with counts, balances(journal, target) as sums:
            await write(journal, 100)
            await asyncio.gather(counts.caught_up(), sums.caught_up())
        await sums.rebuild()
        assert (await counts.lag()).offsets == 0
    async with aiosqlite.connect(target) as db:
        assert list(await db.execute_fetchall("SELECT events FROM counts")) == [(100,)]


async def test_a_file_that_another_one_keeps_locked_is_named(target: Path) -> None:
    with closing(sqlite3.connect(target, autocommit=True)) as other:
        await expect_locked_out(target, other)


async def expect_locked_out(target: Path, other: sqlite3.Connection) -> None:
    async with SqliteOffsets(target, busy_timeout=0.01).open() as offsets:
        other.execute("BEGIN IMMEDIATE")
        assert await offsets.offset("balances") == 0
        with pytest.raises(OffsetStoreError, match=r"cannot write to the offsets in .*rows\.db: .*raise busy_timeout"):
            await offsets.transaction("balances").__aenter__()
        other.execute("ROLLBACK")
        async with offsets.transaction("balances") as transaction:
            await transaction.advance(3)
        assert await offsets.offset("balances") == 3


async def test_a_journal_is_no_place_for_rows(path: Path) -> None:
    async with SqliteJournal(path) as journal:
        await deposit(journal, "a", 1)
        with pytest.raises(
            OffsetStoreError, match=r"events\.db is a Casty journal; let projections write to a file of"
        ):
            await SqliteOffsets(path).open().__aenter__()


async def test_a_place_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(OffsetStoreError, match=r"cannot open the offsets in .*create its directory"):
        await SqliteOffsets(tmp_path / "no" / "rows.db").open().__aenter__()
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(OffsetStoreError, match=r"cannot open the offsets in .*text: file is not a database"):
        await SqliteOffsets(tmp_path / "text").open().__aenter__()
    with pytest.raises(ConfigError, match="needs a file"):
        SqliteOffsets(":memory:")
    with pytest.raises(ConfigError, match="busy_timeout must be 0 seconds or more"):
        SqliteOffsets("rows.db", busy_timeout=-1)
