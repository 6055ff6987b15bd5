"""Exports and imports that are killed or interrupted go on where they stopped, and nothing is missing or doubled."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from casty.spi.journal import OrderedEvent, SnapshotRecord
from casty_cli.export_file import pages

from tests.cli.commands import finished, halting, journal
from tests.cli.histories import Place
from tests.journal_postgres.server import connected

ENTITIES = 100
EVENTS = 120
TOTAL = ENTITIES * EVENTS


@pytest.fixture
def filled(sqlite: Place) -> Place:
    sqlite.write_much(ENTITIES, EVENTS)
    return sqlite


def ended(*arguments: str, by: signal.Signals, after: int) -> str:
    """Standard error of a command that gets the signal once it has moved more than so many events."""
    with halting(after, *arguments) as running:
        halted = os.waitid(os.P_PID, running.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert halted is not None
        assert halted.si_code == os.CLD_STOPPED, running.communicate()
        running.send_signal(by)
        running.send_signal(signal.SIGCONT)
        _, errors = running.communicate()
    assert running.returncode == (130 if by is signal.SIGINT else -by)
    return errors


def lines_of(file: Path) -> tuple[list[OrderedEvent], list[SnapshotRecord]]:
    lines = [line for page in pages(file) for line in page]
    events = [line for line in lines if isinstance(line, OrderedEvent)]
    return events, [line for line in lines if isinstance(line, SnapshotRecord)]


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_an_export_that_is_killed_again_and_again_is_whole_in_the_end(
    source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: Place = request.getfixturevalue(source)
    place.write_much(ENTITIES, EVENTS)
    file, part = tmp_path / "bank.export", tmp_path / "bank.export.part"
    for events in (2_000, 8_000):
        ended("export", str(file), *place.arguments, by=signal.SIGKILL, after=events)
        assert not file.exists()
    with part.open("ab") as tail:
        tail.write(b'00000000 {"event": {"offset": 1, "ent')  # as after a power cut
    run = finished("export", str(file), *place.arguments)
    assert (run.returncode, run.stderr[:24]) == (0, "casty: continuing after "), run.stderr
    stored = place.contents()
    assert lines_of(file) == (stored.events, stored.snapshots)
    assert len(stored.events) == TOTAL
    assert not part.exists()


def test_an_export_that_stopped_anywhere_goes_on_from_there(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    file, part = tmp_path / "bank.export", tmp_path / "bank.export.part"
    journal("export", str(file), *sqlite.arguments)
    whole = file.read_bytes()
    for size in (*range(whole.find(b"\n") + 1, len(whole), 97), len(whole)):
        file.unlink()
        part.write_bytes(whole[:size])
        journal("export", str(file), *sqlite.arguments)
        assert file.read_bytes() == whole


def test_an_export_of_another_journal_is_not_gone_on_with(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    file, part = tmp_path / "bank.export", tmp_path / "bank.export.part"
    journal("export", str(file), *sqlite.arguments)
    lines = file.read_bytes().splitlines(keepends=True)
    file.unlink()
    part.write_bytes(b"".join(lines[:9]))
    other = Place(f"sqlite:///{tmp_path}/other.db")
    other.write_bank()
    assert "is the beginning of an export of" in journal("export", str(file), *other.arguments, code=1)
    path = Path(sqlite.url.removeprefix("sqlite:///"))
    path.unlink()
    sqlite.write_much(5, 5)
    assert "it is not the same journal any more" in journal("export", str(file), *sqlite.arguments, code=1)
    assert part.read_bytes() == b"".join(lines[:9])


def test_an_interrupted_export_says_how_to_go_on(filled: Place, tmp_path: Path) -> None:
    file = tmp_path / "bank.export"
    errors = ended("export", str(file), *filled.arguments, by=signal.SIGINT, after=4_000)
    assert errors == "casty: interrupted; run the same command again: it continues where it stopped\n"
    assert finished("export", str(file), *filled.arguments).returncode == 0
    assert lines_of(file)[0] == filled.contents().events


def stored_in_sqlite(place: Place) -> int:
    path = place.url.removeprefix("sqlite:///")
    if not Path(path).exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM events").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def stored_in_postgres(place: Place) -> int:
    (schema,) = (option.removeprefix("schema=") for option in place.options)

    async def count() -> int:
        async with connected(place.url) as admin:
            if not await admin.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.events"):
                return 0
            return await admin.fetchval(f"SELECT count(*) FROM {schema}.events")

    return asyncio.run(count())


@pytest.mark.parametrize(("target", "way"), [("sqlite", "by file"), ("postgres", "directly")])
def test_an_import_that_is_killed_again_and_again_is_whole_in_the_end(
    target: str, way: str, filled: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if target == "sqlite":
        place, stored = Place(f"sqlite:///{tmp_path}/other.db"), stored_in_sqlite
    else:
        place, stored = request.getfixturevalue("postgres"), stored_in_postgres
    if way == "by file":
        file = str(tmp_path / "bank.export")
        journal("export", file, *filled.arguments)
        command = ("import", file, *place.arguments)
    else:
        command = ("import", "--from-url", filled.url, *place.arguments)
    for least in (0, 4_000):
        ended(*command, by=signal.SIGKILL, after=least)
        assert least < stored(place) < TOTAL
    assert finished(*command).returncode == 0
    assert place.contents().as_history() == filled.contents().as_history()
