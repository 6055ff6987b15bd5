"""The first opener creates or migrates the tables, and foreign ones are left alone."""

import asyncio
from zlib import crc32

import pytest
from casty.errors import JournalError, JournalSchemaError
from casty_journal_postgres import schema as schemas
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import open_store

from tests.journal_postgres.fakes import event, everything
from tests.journal_postgres.server import Admin


async def test_nodes_that_start_at_once_make_one_journal(dsn: str, options: PostgresOptions) -> None:
    async def start(number: int) -> None:
        async with open_store(dsn, options) as store:
            assert await store.append([[event(f"e{number}", 1)]]) == [None]

    await asyncio.gather(*(start(number) for number in range(8)))
    async with open_store(dsn, options) as store:
        assert len(await store.read(0, 100)) == 8


async def test_an_older_journal_is_brought_up_to_date_once(
    dsn: str, options: PostgresOptions, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(dsn, options) as store:
        await store.append([[event("a", 1)]])
    newer = (*schemas.MIGRATIONS, "CREATE TABLE {schema}.novelty (n integer)")
    monkeypatch.setattr(schemas, "MIGRATIONS", newer)

    async def start() -> None:
        async with open_store(dsn, options) as store:
            assert await everything(store) == [event("a", 1)]

    await asyncio.gather(*(start() for _ in range(4)))
    assert await admin.fetchval(f"SELECT version FROM {options.schema}.casty_journal") == len(newer)
    assert await admin.fetchval(f"SELECT count(*) FROM {options.schema}.novelty") == 0


async def test_a_journal_without_serializers_is_read_and_brought_up_to_date_once(
    dsn: str, options: PostgresOptions, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(schemas, "MIGRATIONS", schemas.MIGRATIONS[:2])
        await schemas.prepare(admin, "server", options)
    await admin.execute(
        f"INSERT INTO {options.schema}.events SELECT nextval('{options.schema}.ordering'), row.* FROM (VALUES "
        "('a', 1, 0, 'w', $1::bytea, 'bank.Deposited', 2, $2::bytea, 1.25, NULL::text[], $3::bigint)) AS row",
        (was := event("a", 1)).event_id,
        was.payload,
        crc32(was.payload),
    )

    async def start() -> None:
        async with open_store(dsn, options) as store:
            assert await everything(store) == [was]

    await asyncio.gather(*(start() for _ in range(4)))
    newer = event("a", 2, tags=("red",))._replace(serializer="json")
    async with open_store(dsn, options) as store:
        assert await store.append([[newer]]) == [None]
        assert await everything(store) == [was, newer]


async def test_a_newer_journal_is_refused_and_left_alone(dsn: str, options: PostgresOptions, admin: Admin) -> None:
    async with open_store(dsn, options):
        pass
    await admin.execute(f"UPDATE {options.schema}.casty_journal SET version = 99")
    with pytest.raises(JournalSchemaError, match=r"has version 99; .* knows only 3; install a newer one"):
        async with open_store(dsn, options):
            pass
    assert await admin.fetchval(f"SELECT version FROM {options.schema}.casty_journal") == 99


async def test_a_failed_migration_changes_nothing(
    dsn: str, options: PostgresOptions, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schemas, "MIGRATIONS", (*schemas.MIGRATIONS, "CREATE TABLE {schema}.events ()"))
    with pytest.raises(JournalError, match="already exists"):
        async with open_store(dsn, options):
            pass
    assert await admin.fetchval("SELECT to_regnamespace($1)", options.schema) is None


async def test_foreign_tables_are_left_alone(dsn: str, options: PostgresOptions, admin: Admin) -> None:
    await admin.execute(f"CREATE SCHEMA {options.schema}; CREATE TABLE {options.schema}.events (mine integer)")
    with pytest.raises(JournalSchemaError, match=r"holds a table `events` that is not a Casty journal's"):
        async with open_store(dsn, options):
            pass
    assert await admin.fetchval(f"SELECT count(*) FROM {options.schema}.events") == 0
    assert await admin.fetchval("SELECT to_regclass($1)", f"{options.schema}.snapshots") is None


async def test_any_name_is_a_schema(dsn: str, admin: Admin) -> None:
    name = 'Übungs "Journal"; --'
    try:
        async with open_store(dsn, PostgresOptions(schema=name)) as store:
            assert await store.append([[event("a", 1, tags=("t",))]]) == [None]
            assert len(await store.read(0, 10, ["t"])) == 1
    finally:
        await admin.execute(f"DROP SCHEMA IF EXISTS {schemas.quoted(name)} CASCADE")


async def test_journals_in_two_schemas_know_nothing_of_each_other(
    dsn: str, options: PostgresOptions, admin: Admin
) -> None:
    other_options = PostgresOptions(schema=f"{options.schema}_b")
    try:
        async with open_store(dsn, options) as store, open_store(dsn, other_options) as other:
            await store.append([[event("a", 1)]])
            assert await everything(other) == []
            assert await other.append([[event("a", 1)]]) == [None]
    finally:
        await admin.execute(f"DROP SCHEMA {other_options.schema} CASCADE")
