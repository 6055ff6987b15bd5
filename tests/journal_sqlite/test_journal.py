"""The journal as users make it: from a path, or by a URL through the plugin."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from casty import ActorSystem
from casty.errors import ActorStoppedError, ConfigError, JournalError
from casty.persistence.journal import journal_from_provider
from casty.plugins import build_options
from casty.spi.event_journal import EventJournal, PersistedEvent, Snapshot
from casty.spi.journal import JournalKind
from casty_journal_sqlite import SqliteJournal, SqliteOptions, Synchronous
from casty_journal_sqlite.options import path_from_url
from casty_journal_sqlite.plugin import casty_journals

from tests.core.persistence.ledger import adding, ledger

EVENTS = [PersistedEvent(1, {"amount": 10}, 1.25), PersistedEvent(2, {"amount": 20}, 1.25)]


def test_a_journal_serves_one_event_loop_after_the_other(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "events.db")
    assert isinstance(journal, EventJournal)
    assert journal.kind is JournalKind.local
    assert not (tmp_path / "events.db").exists(), "opened before its first use"

    async def write() -> None:
        async with journal:
            await journal.persist("a", EVENTS)
            await journal.save_snapshot("a", Snapshot(2, 30, 1.25))

    async def read() -> tuple[object, object]:
        async with journal:
            return await journal.load("a"), await journal.load_snapshot("a")

    asyncio.run(write())
    assert asyncio.run(read()) == (EVENTS, Snapshot(2, 30, 1.25))


async def test_concurrent_persists_share_commits_and_all_arrive(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "events.db", synchronous="NORMAL", busy_timeout=1) as journal:
        await asyncio.gather(*(journal.persist(f"e{number}", EVENTS) for number in range(200)))
        assert [await journal.load(f"e{number}") for number in range(200)] == [EVENTS] * 200


async def test_a_file_that_cannot_be_opened_may_be_tried_again(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "later" / "events.db")
    with pytest.raises(JournalError, match="create its directory"):
        await journal.persist("a", EVENTS)
    (tmp_path / "later").mkdir()
    async with journal:
        await journal.persist("a", EVENTS)


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_path_in_memory_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match="for a journal in memory use memory://"):
        SqliteJournal(path)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="synchronous must be FULL or NORMAL; it is 'OFF'"):
        SqliteJournal("events.db", synchronous="OFF")
    with pytest.raises(ConfigError, match="busy_timeout must be 0 seconds or more"):
        SqliteJournal("events.db", busy_timeout=-1)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///events.db", "events.db"),
        ("SQLite:///events.db", "events.db"),
        ("sqlite:///data/events.db", "data/events.db"),
        ("sqlite:////var/lib/events.db", "/var/lib/events.db"),
        ("sqlite:///a%20b%3F%23.db", "a b?#.db"),
    ],
)
def test_urls_name_files(url: str, path: str) -> None:
    assert path_from_url(url) == path


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("sqlite://", "use memory://"),
        ("sqlite:///", "use memory://"),
        ("sqlite:///:memory:", "use memory://"),
        ("sqlite://events.db", "write sqlite:///events.db"),
        ("sqlite:///events.db?synchronous=OFF", "'synchronous' seems to be meant.*journal.options"),
        ("sqlite:///events.db?sync=OFF", "the options are synchronous, busy_timeout"),
        ("sqlite:///events.db?busy_timout=1", "'busy_timeout' seems to be meant"),
        ("sqlite:///ev%00ents.db", "holds a NUL character"),
        ("sqlite:///ev\0ents.db", "holds a NUL character"),
    ],
)
def test_urls_without_a_file_are_refused(url: str, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        path_from_url(url)


async def test_the_plugin_opens_a_url(tmp_path: Path) -> None:
    (provider,) = casty_journals()
    options = build_options(provider, {"synchronous": "NORMAL", "busy_timeout": 2})
    assert options == SqliteOptions(synchronous=Synchronous.NORMAL, busy_timeout=2.0)
    async with journal_from_provider(provider, f"sqlite:///{tmp_path}/events.db", options) as journal:
        await journal.persist("a", EVENTS)
        assert await journal.load("a") == EVENTS
    assert (tmp_path / "events.db").exists()


def test_the_plugin_does_not_load_the_driver() -> None:
    program = (
        "import sys, casty_journal_sqlite.plugin as plugin; plugin.casty_journals(); "
        "sys.exit('aiosqlite' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_a_scheme_in_capital_letters(tmp_path: Path) -> None:
    (provider,) = casty_journals()
    async with journal_from_provider(provider, f"SQLITE:///{tmp_path}/events.db", SqliteOptions()) as journal:
        await journal.persist("a", EVENTS)
    assert (tmp_path / "events.db").exists()


async def test_an_actor_with_a_url_that_names_no_file_fails_once(actor_system: ActorSystem) -> None:
    for url in ("sqlite:///x.db?unknown=1", "sqlite:///a%00b"):
        with pytest.raises(ActorStoppedError) as caught:
            await actor_system.ask(actor_system.spawn(ledger(url)), adding("a"))
        assert isinstance(caught.value.__cause__, ConfigError)


def test_the_default_timeout_lets_an_asker_learn_the_cause() -> None:
    assert SqliteOptions().busy_timeout < 5.0
