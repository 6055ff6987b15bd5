"""Projections whose rows and offsets are in one PostgreSQL database: killed, cut off, competing, beside 8 writers."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE
from itertools import islice
from random import Random

import pytest
from casty import Projection
from casty.behaviors.supervision import Backoff
from casty.errors import ConfigError, OffsetStoreError
from casty.journal import EventEnvelope, PostgresJournal, PostgresOffsets
from casty.testing.conformance.offset_store import Capabilities, Check, Subject, checks
from casty_journal_postgres.options import PostgresOptions

from tests.core.projections.fakes import Deposited, deposit
from tests.examples.programs import ROOT
from tests.journal_postgres.projecting import Balances, Database
from tests.journal_postgres.server import Admin, connected, until_waiting
from tests.journal_sqlite.projecting import fold, write

EVENTS = 1_000
KILLS = 6
WRITERS = 8


@pytest.fixture
def balances(options: PostgresOptions) -> Balances:
    return Balances(options.schema)


@pytest.fixture
def journal(dsn: str, options: PostgresOptions) -> PostgresJournal:
    return PostgresJournal(dsn, schema=options.schema)


@pytest.fixture
def offsets(dsn: str, options: PostgresOptions) -> PostgresOffsets:
    return PostgresOffsets(dsn, schema=options.schema)


def projection(
    journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, *, batch_size: int = 7
) -> Projection[Deposited, Database]:
    return Projection("balances", journal, balances.book, offsets, reset=balances.empty, batch_size=batch_size)


def program(dsn: str, balances: Balances) -> list[str]:
    return [sys.executable, "-m", "tests.journal_postgres.projecting", dsn, balances.schema]


def handled_until_killed(command: list[str], after: int) -> list[int]:
    """The offsets that a process has handled, committed or not, before SIGKILL."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = list(islice(process.stdout, after))
        process.kill()
        lines += process.stdout
    return [int(line) for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("check", checks(Capabilities(transactional=True)))
async def test_conformance(check: Check, options: PostgresOptions, offsets: PostgresOffsets, admin: Admin) -> None:
    async def insert(db: Database, row: str) -> None:
        await db.execute(f"INSERT INTO {options.schema}.rows (row) VALUES ($1)", row)

    async def committed() -> list[str]:
        return [row for (row,) in await admin.fetch(f"SELECT row FROM {options.schema}.rows ORDER BY number")]

    await admin.execute(f"CREATE SCHEMA {options.schema}")
    await admin.execute(f"CREATE TABLE {options.schema}.rows (number serial, row text)")
    await check(Subject(offsets.open, insert, committed))


async def test_over_kills_each_event_counts_once(
    dsn: str, journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    random = Random(1)
    async with journal:
        await write(journal, EVENTS)
        wanted = await fold(journal)
        handled = list[int]()
        for _ in range(KILLS):
            after = random.randint(1, 60)
            handled += await asyncio.to_thread(handled_until_killed, program(dsn, balances), after)
        # The first statement waits until the server has noticed the death of the last one.
        running = projection(journal, balances, offsets)
        left = (await running.lag()).offsets
        assert 0 < left < EVENTS, "the kills came too late to mean anything"
        assert len(handled) > len(set(handled)), "no kill has hit a transaction"
        await running.run_once()
    assert await balances.rows(admin) == wanted


async def test_beside_8_writers_it_misses_nothing_and_counts_nothing_twice(
    dsn: str,
    options: PostgresOptions,
    journal: PostgresJournal,
    balances: Balances,
    offsets: PostgresOffsets,
    admin: Admin,
) -> None:
    async def keep_writing(writer: int) -> None:
        async with PostgresJournal(dsn, schema=balances.schema) as own:
            await deposit(own, f"account-{writer}", *range(60))

    async with journal, projection(journal, balances, offsets) as running:
        await asyncio.gather(*(keep_writing(writer) for writer in range(WRITERS)))
        await running.caught_up()
        assert len((await balances.rows(admin))[0]) == WRITERS * 60
        assert await balances.rows(admin) == await fold(journal)
        assert (await running.lag()).offsets == 0


async def test_a_second_process_takes_over_when_the_first_is_killed_in_a_transaction(
    dsn: str, journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    held = EVENTS // 4
    here = list[int]()

    async def handler(db: Database, envelope: EventEnvelope[Deposited]) -> None:
        await balances.book(db, envelope)
        here.append(envelope.offset)

    async with journal:
        await write(journal, EVENTS)
        other = await asyncio.create_subprocess_exec(*program(dsn, balances), str(held), cwd=ROOT, stdout=PIPE)
        assert other.stdout is not None
        await other.stdout.readuntil(b"\n%d\n" % held)
        # Not before: of two that compete, each may be the one that gets the lock, and the other process would not hold.
        async with Projection("balances", journal, handler, offsets, batch_size=7) as standby:
            await until_waiting(admin, f"%{balances.schema}%FOR UPDATE")
            other.kill()
            await standby.caught_up()
        await other.communicate()
        assert held - 7 < here[0] <= held
        assert await balances.rows(admin) == await fold(journal)


async def test_of_two_that_have_read_the_same_events_one_handles_them(
    journal: PostgresJournal,
    balances: Balances,
    offsets: PostgresOffsets,
    admin: Admin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(db: Database, envelope: EventEnvelope[Deposited]) -> None:
        await balances.book(db, envelope)
        if envelope.offset == 1:
            await until_waiting(admin, f"%{balances.schema}%FOR UPDATE")

    def projector(poll_interval: float) -> Projection[Deposited, Database]:
        return Projection("balances", journal, handler, offsets, batch_size=7, poll_interval=poll_interval)

    async with journal, offsets.open() as opened:
        await write(journal, EVENTS)
        async with opened.transaction("balances") as transaction:
            await balances.empty(transaction.connection)
        async with projector(0.001) as one, projector(0.002) as other:
            await asyncio.gather(one.caught_up(), other.caught_up())
        assert await balances.rows(admin) == await fold(journal)
    assert "'balances' runs elsewhere as well, or was rebuilt: its offset went from 0 to 7 meanwhile" in caplog.text


async def test_a_lost_connection_is_replaced_and_its_transaction_done_again(
    journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    cuts = 3

    async def handler(db: Database, envelope: EventEnvelope[Deposited]) -> None:
        nonlocal cuts
        await balances.book(db, envelope)
        if cuts and envelope.event.amount % 10 == 9:
            cuts -= 1
            await admin.execute("SELECT pg_terminate_backend($1)", db.get_server_pid())
            await balances.book(db, envelope)

    async with journal:
        await write(journal, 50)
        wanted = await fold(journal)
        backoff = Backoff(initial=0.001, maximum=0.01)
        async with Projection(
            "balances", journal, handler, offsets, reset=balances.empty, batch_size=7, backoff=backoff
        ) as running:
            await running.caught_up()
    assert cuts == 0
    assert await balances.rows(admin) == wanted


async def test_a_connection_that_is_lost_at_the_commit_counts_no_event_twice(
    journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    async with journal, offsets.open() as opened:
        await write(journal, 5)
        transaction = opened.transaction("balances")
        running = await transaction.__aenter__()
        await balances.empty(running.connection)
        await running.advance(3)
        await admin.execute("SELECT pg_terminate_backend($1)", running.connection.get_server_pid())
        with pytest.raises(OffsetStoreError, match="cannot write to the offsets at postgresql://"):
            await transaction.__aexit__(None, None, None)
        with pytest.raises(OffsetStoreError, match="cannot read the offsets at postgresql://"):
            await opened.offset("balances")
    async with offsets.open() as opened:
        assert await opened.offset("balances") == 0


async def test_a_running_projector_follows_a_rebuild(
    journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    async with journal, projection(journal, balances, offsets) as running:
        await write(journal, 50)
        await running.caught_up()
        await admin.execute(f"DELETE FROM {balances.schema}.balances")
        await projection(journal, balances, offsets).rebuild()
        assert await balances.rows(admin) == ([], {})
        await running.caught_up()
        assert await balances.rows(admin) == await fold(journal)


async def test_a_handlers_failed_statement_takes_nothing_with_it(
    journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    async def handler(db: Database, envelope: EventEnvelope[Deposited]) -> None:
        await balances.book(db, envelope)
        if envelope.event.amount == 3 and failures:
            await db.execute(failures.pop())

    failures = ["SELECT 1 / 0"]
    async with journal:
        await write(journal, 10)
        wanted = await fold(journal)
        async with Projection(
            "balances", journal, handler, offsets, reset=balances.empty, backoff=Backoff(initial=0.001)
        ) as running:
            await running.caught_up()
    assert await balances.rows(admin) == wanted


async def test_the_table_is_created_by_one_role_and_used_by_another(
    dsn: str, options: PostgresOptions, offsets: PostgresOffsets, journal: PostgresJournal, admin: Admin
) -> None:
    async with offsets.open():
        pass
    async with journal:  # finds the schema, and makes its own tables beside that one
        await write(journal, 1)
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", options.schema)
    assert {"offsets", "events", "casty_journal"} <= {table for (table,) in tables}


async def test_bad_places_are_named_without_a_password(dsn: str) -> None:
    with pytest.raises(OffsetStoreError, match=r"offsets at postgresql://u@127\.0\.0\.1:1/db: ") as caught:
        await PostgresOffsets("postgresql://u:s3cr3t@127.0.0.1:1/db").open().__aenter__()
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(OffsetStoreError, match="create the database with createdb"):
        await PostgresOffsets(dsn.rpartition("/")[0] + "/nowhere").open().__aenter__()
    with pytest.raises(ConfigError, match="%40 for @"):
        PostgresOffsets("postgresql://u:s3cr3t@more@db/events")
    with pytest.raises(ConfigError, match="command_timeout must be more than 0"):
        PostgresOffsets(dsn, command_timeout=0)


async def test_waiting_for_too_long_is_an_error(dsn: str, options: PostgresOptions, offsets: PostgresOffsets) -> None:
    hasty = PostgresOffsets(dsn, schema=options.schema, command_timeout=1.0)
    async with offsets.open() as first, hasty.open() as second:
        async with first.transaction("balances") as transaction:
            await transaction.advance(1)
            with pytest.raises(OffsetStoreError, match="cannot write to the offsets"):
                await second.transaction("balances").__aenter__()
        assert await second.offset("balances") == 1


async def test_the_isolation_of_a_role_does_not_matter(
    dsn: str, options: PostgresOptions, offsets: PostgresOffsets, admin: Admin
) -> None:
    role = f"strict_{options.schema}"
    async with offsets.open():
        pass
    await admin.execute(f"CREATE ROLE {role} SUPERUSER LOGIN")
    await admin.execute(f"ALTER ROLE {role} SET default_transaction_isolation = 'serializable'")
    try:
        strict = PostgresOffsets(dsn.replace("postgres@", f"{role}@"), schema=options.schema)

        async def count() -> None:
            async with strict.open() as opened, opened.transaction("counter") as transaction:
                await transaction.advance(transaction.offset + 1)

        await asyncio.gather(*(count() for _ in range(5)))
        async with strict.open() as opened:
            assert await opened.offset("counter") == 5
    finally:
        await admin.execute(f"DROP ROLE {role}")


async def test_a_dead_projector_leaves_its_lock(
    dsn: str, journal: PostgresJournal, balances: Balances, offsets: PostgresOffsets, admin: Admin
) -> None:
    async with journal:
        await write(journal, 20)
        await asyncio.to_thread(handled_until_killed, program(dsn, balances), 3)
        async with asyncio.timeout(60), projection(journal, balances, offsets) as running:
            await running.caught_up()
        assert await balances.rows(admin) == await fold(journal)
    async with connected(dsn) as other:
        assert await other.fetchval(f"SELECT reached FROM {balances.schema}.offsets") == 20
