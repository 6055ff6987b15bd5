"""What reads can look at the journal of a running node, makes nothing and changes nothing."""

import asyncio
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest
from casty.errors import JournalError, JournalSchemaError
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import open_store

from tests.cli.commands import complaint, finished
from tests.cli.histories import Place, balance, deposits
from tests.journal_postgres.server import connected

READING = (("ids",), ("show", "a"), ("stats",), ("verify",), ("export", "bank.export"))


@pytest.mark.parametrize("command", READING, ids=" ".join)
async def test_a_file_is_read_beside_its_owner(sqlite: Place, command: tuple[str, ...], tmp_path: Path) -> None:
    arguments = (
        command[0],
        *(str(tmp_path / argument) if command[0] == "export" else argument for argument in command[1:]),
    )
    async with sqlite.open() as store:
        assert not any(await store.append([deposits("a", 1, 3)]))
        run = await asyncio.to_thread(finished, *arguments, *sqlite.arguments)
        assert (run.returncode, run.stderr) == (0, "")
        assert await store.append([deposits("a", 4, 5)]) == [None]


async def test_a_file_that_is_owned_takes_no_import(sqlite: Place, tmp_path: Path) -> None:
    other = Place(f"sqlite:///{tmp_path}/other.db")
    async with other.open() as store:
        await store.append([deposits("a", 1, 3)])
    async with sqlite.open():
        run = await asyncio.to_thread(finished, "import", "--from-url", other.url, *sqlite.arguments)
    assert run.returncode == 1
    assert "is open in another process" in run.stderr


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_no_schema_is_made_by_looking_for_one(postgres: Place, command: tuple[str, ...]) -> None:
    (schema,) = (option.removeprefix("schema=") for option in postgres.options)
    assert f"there is no journal in the schema '{schema}'" in complaint(*command, *postgres.arguments, code=1)

    async def schemas() -> int:
        async with connected(postgres.url) as admin:
            return await admin.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema)

    assert asyncio.run(schemas()) == 0


async def test_a_postgresql_journal_that_is_read_only_refuses_writes_at_once(dsn: str) -> None:
    schema = f"cli_{uuid4().hex}"
    async with open_store(dsn, PostgresOptions(schema=schema)) as store:
        assert await store.append([deposits("a", 1, 3)]) == [None]
        await store.save_snapshot(balance("a", 2), 2)
    async with open_store(dsn, PostgresOptions(schema=schema, read_only=True)) as store:
        began = monotonic()
        for attempt in (
            lambda: store.append([deposits("a", 4, 4)]),
            lambda: store.save_snapshot(balance("a", 3), 2),
            lambda: store.claim("entity/a", "owner"),
            lambda: store.delete_events("a", 1),
        ):
            with pytest.raises(JournalError, match="open it without read_only"):
                await attempt()
        assert monotonic() - began < PostgresOptions().command_timeout / 2
        assert [entry.record.sequence_nr for entry in await store.read(0, 9)] == [1, 2, 3]
        assert (await store.load_snapshot("a", 9)) == balance("a", 2)
        assert (await store.entity_ids("", 9), await store.highest_offset()) == (["a"], 3)


async def test_an_older_postgresql_journal_is_not_brought_up_to_date_by_looking(dsn: str) -> None:
    schema = f"cli_{uuid4().hex}"
    async with open_store(dsn, PostgresOptions(schema=schema)):
        pass
    async with connected(dsn) as admin:
        await admin.execute(f"UPDATE {schema}.casty_journal SET version = 0")
        with pytest.raises(JournalSchemaError, match="has version 0, and must have"):
            async with open_store(dsn, PostgresOptions(schema=schema, read_only=True)):
                pass
        assert await admin.fetchval(f"SELECT version FROM {schema}.casty_journal") == 0
