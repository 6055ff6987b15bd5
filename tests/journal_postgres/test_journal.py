"""The journal as users make it: from a DSN, or by a URL through the plugin."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from casty.errors import ConfigError
from casty.persistence.journal import journal_from_provider
from casty.plugins import build_options
from casty.spi.event_journal import EventJournal, PersistedEvent, Snapshot
from casty.spi.journal import JournalKind
from casty_journal_postgres import PostgresJournal, PostgresOptions
from casty_journal_postgres.options import shown
from casty_journal_postgres.plugin import casty_journals

EVENTS = [PersistedEvent(1, {"amount": 10}, 1.25), PersistedEvent(2, {"amount": 20}, 1.25)]


async def test_a_journal_is_opened_when_it_is_used(dsn: str, options: PostgresOptions) -> None:
    journal = PostgresJournal(dsn, schema=options.schema, pool_size=2, command_timeout=5.0)
    assert isinstance(journal, EventJournal)
    assert journal.kind is JournalKind.centralized
    async with journal:
        await journal.persist("a", EVENTS)
        await journal.save_snapshot("a", Snapshot(2, 30, 1.25))
    async with journal:
        assert await journal.load("a") == EVENTS
        assert await journal.load_snapshot("a") == Snapshot(2, 30, 1.25)


async def test_concurrent_persists_share_commits_and_all_arrive(dsn: str, options: PostgresOptions) -> None:
    async with PostgresJournal(dsn, schema=options.schema) as journal:
        await asyncio.gather(*(journal.persist(f"e{number}", EVENTS) for number in range(200)))
        loaded = await asyncio.gather(*(journal.load(f"e{number}") for number in range(200)))
    assert loaded == [EVENTS] * 200


def test_a_journal_is_not_opened_when_it_is_made() -> None:
    PostgresJournal("postgresql://user:s3cr3t@no.such.host.invalid/events")


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        ("postgresql://", "postgresql://"),
        ("postgres://localhost", "postgresql://localhost"),
        ("postgresql://u:p%40ss@db:5433/events?sslmode=require", "postgresql://u@db:5433/events"),
        ("postgresql://u:pa:ss@one:1,two:2/events", "postgresql://u@one:1,two:2/events"),
        ("postgresql://u@[::1]:5433/events", "postgresql://u@[::1]:5433/events"),
        ("postgresql:///events?host=/run/postgresql&password=s3cr3t", "postgresql:///events"),
        ("postgresql://u:s3cr3t@%2Frun%2Fpostgresql/events", "postgresql://u@%2Frun%2Fpostgresql/events"),
    ],
)
def test_a_dsn_is_shown_without_its_password(dsn: str, name: str) -> None:
    assert shown(dsn) == name


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:s3cr3t@more@db/events",
        "postgresql://u:s3cr3t/more@db/events",
        "postgresql://u:s3cr3t?more@db/events",
        "postgresql://u:s3cr3t#more@db/events",
        "postgresql://u:s3cr3t",
        "postgresql://db/events?password=s3cr3t@more",
        "mysql://u:s3cr3t@db/events",
        "u:s3cr3t@db",
        "",
    ],
)
def test_a_dsn_that_cannot_be_taken_apart_is_refused_unseen(dsn: str) -> None:
    with pytest.raises(ConfigError, match=r"postgresql://user:password@host:5432/database") as caught:
        PostgresJournal(dsn)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["postgresql://u:s3cr3t@db/ev\0ents", "postgresql://u:s3cr3t@db/ev%00ents"])
def test_a_nul_character_is_refused_unseen(dsn: str) -> None:
    with pytest.raises(ConfigError, match="holds a NUL character") as caught:
        PostgresJournal(dsn)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schema": ""}, "schema must be a name of 1 to 63 bytes"),
        ({"schema": "ä" * 32}, "schema must be a name of 1 to 63 bytes"),
        ({"schema": "a\0"}, "without NUL"),
        ({"pool_size": 0}, "pool_size must be 1 connection or more; it is 0"),
        ({"command_timeout": 0.0}, "command_timeout must be more than 0 seconds"),
        ({"command_timeout": float("inf")}, "command_timeout must be more than 0 seconds"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PostgresOptions(**options)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "POSTGRESQL", "Postgres"])
async def test_the_plugin_opens_a_url(dsn: str, options: PostgresOptions, scheme: str) -> None:
    (provider,) = casty_journals()
    assert scheme.lower() in provider.names
    built = build_options(provider, {"schema": options.schema, "pool_size": 1, "command_timeout": 5})
    assert built == PostgresOptions(schema=options.schema, pool_size=1, command_timeout=5.0)
    url = scheme + dsn[dsn.index("://") :]
    async with journal_from_provider(provider, url, built) as journal:
        await journal.persist("a", EVENTS)
        assert await journal.load("a") == EVENTS


def test_the_plugin_does_not_load_the_driver() -> None:
    program = (
        "import sys, casty_journal_postgres.plugin as plugin; plugin.casty_journals(); "
        "sys.exit('asyncpg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
