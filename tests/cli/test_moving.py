"""`export` and `import`: what comes out of a journal gets into another one, once and as it was."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from casty import ActorSystem
from casty.errors import JournalError
from casty.spi.journal import EventRecord, OrderedEvent
from casty_cli.deleted_numbers import TAG
from casty_cli.export_file import pages
from casty_cli.paging import Page

from tests.cli.commands import complaint, documents, finished, journal
from tests.cli.histories import MISSING, Place, balance, deposited, deposits

FILE = "bank.export"


@pytest.fixture
def other(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/other.db")


def events_of(page: Page) -> list[EventRecord]:
    return [line.record for line in page if isinstance(line, OrderedEvent)]


def test_all_that_is_exported_is_imported(place: Place, other: Place) -> None:
    place.write_bank()
    stored = place.contents()
    counts = {"events": len(stored.events), "snapshots": len(stored.snapshots)}
    (exported,) = documents(journal("export", FILE, "--json", *place.arguments))
    assert exported == {"file": FILE, "journal": place.url, **counts}
    (imported,) = documents(journal("import", FILE, "--json", *other.arguments))
    assert imported == {"journal": other.url, "source": FILE, **counts, "left_out": 0}
    assert other.contents().as_history() == stored.as_history()
    assert stored.highest["trimmed"] == MISSING + 2


def test_sqlite_moves_to_postgresql_by_a_file(sqlite: Place, postgres: Place) -> None:
    sqlite.write_bank()
    journal("export", FILE, *sqlite.arguments)
    journal("import", FILE, *postgres.arguments)
    assert postgres.contents().as_history() == sqlite.contents().as_history()


async def _use_structures(url: str) -> tuple[list[int], int, list[str | None]]:
    """Tokens of a lock, a counter with a snapshot, and what was in a queue before."""
    async with ActorSystem() as system:
        d = system.distributed(url)
        lock, counter, queue = d.lock("lock", timeout=60.0), d.counter("counter", timeout=60.0), d.queue[str]("queue")
        tokens: list[int] = []
        for _ in range(3):
            async with lock as grant:
                tokens.append(grant.token)
        for _ in range(1_001):
            await counter.increment()
        items = [await queue.dequeue()]
        await queue.enqueue(f"after {tokens[-1]}")
        return tokens, await counter.get(), items


def test_structures_continue_in_the_journal_that_they_are_moved_to(sqlite: Place, other: Place) -> None:
    assert asyncio.run(_use_structures(sqlite.url)) == ([1, 2, 3], 1_001, [None])
    journal("export", FILE, *sqlite.arguments)
    journal("import", FILE, *other.arguments)
    assert asyncio.run(_use_structures(other.url)) == ([4, 5, 6], 2_002, ["after 3"])


def test_sqlite_moves_to_postgresql_without_a_file(sqlite: Place, postgres: Place) -> None:
    sqlite.write_bank()
    journal("import", sqlite.url, *postgres.arguments)
    assert postgres.contents().as_history() == sqlite.contents().as_history()


def test_options_of_the_source_are_its_own(postgres: Place, sqlite: Place) -> None:
    postgres.write_bank()
    (option,) = postgres.options
    journal("import", "--from-url", postgres.url, "--from-option", option, *sqlite.arguments)
    assert sqlite.contents().as_history() == postgres.contents().as_history()


def test_a_page_of_large_events_is_small(sqlite: Place, other: Place) -> None:
    large = [record._replace(payload=b"\xc4\xff" + bytes(255) * 4_000) for record in deposits("a", 1, 60)]
    sqlite.write(*([record] for record in large), deposits("b", 1, 2_345))
    journal("export", FILE, *sqlite.arguments)
    sizes = [sum(len(line.payload) for line in events_of(page)) for page in pages(Path(FILE))]
    assert max(sizes) < 10 * 2**20 < sum(sizes)
    journal("import", FILE, *other.arguments)
    assert other.contents().as_history() == sqlite.contents().as_history()


def test_an_import_may_be_repeated(place: Place, other: Place) -> None:
    other.write_bank()
    journal("export", FILE, *other.arguments)
    for _ in range(3):
        journal("import", FILE, *place.arguments)
        assert place.contents().as_history() == other.contents().as_history()


def test_imported_entities_go_on_under_a_new_owner(sqlite: Place, postgres: Place) -> None:
    sqlite.write_bank()
    journal("import", "--from-url", sqlite.url, *postgres.arguments)

    async def work(store: Any) -> None:
        assert await store.claim("entity/a", "third owner") == 1
        assert await store.append([[deposited("a", 4, epoch=1, writer="third owner")]]) == [None]
        assert await store.append([[deposited("trimmed", MISSING + 3)]]) == [None]

    postgres.run(work)
    (verified,) = documents(journal("verify", "--json", *postgres.arguments))
    assert verified["findings"] == []


def test_a_history_that_has_gone_on_takes_no_harm(sqlite: Place, other: Place) -> None:
    sqlite.write(deposits("a", 1, 3), snapshots=[balance("a", 2)])
    journal("export", FILE, *sqlite.arguments)
    other.write(deposits("a", 1, 7), snapshots=[balance("a", 6)])
    before = other.contents()
    journal("import", FILE, *other.arguments)
    assert other.contents().events == before.events
    assert [snapshot.sequence_nr for snapshot in other.contents().snapshots] == [6, 2]


def test_what_is_missing_behind_a_beginning_follows(sqlite: Place, other: Place) -> None:
    sqlite.write(deposits("a", 1, 9))
    other.write(deposits("a", 1, 4))
    journal("import", "--from-url", sqlite.url, *other.arguments)
    assert other.contents().as_history() == sqlite.contents().as_history()


@pytest.mark.parametrize("theirs", [3, 9])
def test_another_history_is_refused_by_entity_and_number(place: Place, other: Place, theirs: int) -> None:
    other.write(deposits("b", 1, 2), deposits("a", 1, 5))
    journal("export", FILE, *other.arguments)
    place.write([*deposits("a", 1, 2), *(deposited("a", number, writer="other") for number in range(3, theirs + 1))])
    before = [entry.record for entry in place.contents().events]
    assert "has another event 3 of 'a'" in complaint("import", FILE, *place.arguments, code=1)
    assert [entry.record for entry in place.contents().events if entry.record.entity_id == "a"] == before


def test_what_the_target_has_deleted_stays_deleted(sqlite: Place, other: Place) -> None:
    sqlite.write(deposits("a", 1, 5))
    journal("import", "--from-url", sqlite.url, *other.arguments)
    other.run(lambda store: store.delete_events("a", 3))
    journal("import", "--from-url", sqlite.url, *other.arguments)
    assert [entry.record.sequence_nr for entry in other.contents().events] == [4, 5]


def test_events_deleted_during_the_import_are_reported(sqlite: Place, other: Place) -> None:
    """As a reader sees it: the first events are still there, the next ones are gone, then comes the newest."""
    sqlite.write(deposits("a", 1, 9))
    other.write(deposits("a", 1, 3))
    sqlite.run(lambda store: store.delete_events("a", 6))
    run = finished("import", "--from-url", sqlite.url, *other.arguments)
    assert "lacks events 4 to 6 of 'a'" in run.stderr
    assert [entry.record.sequence_nr for entry in other.contents().events] == [7, 8, 9]


@pytest.mark.parametrize("way", ["by file", "directly"])
def test_stand_ins_that_a_killed_import_has_left_are_removed(sqlite: Place, other: Place, way: str) -> None:
    sqlite.write_bank()
    other.write([record._replace(tags=(TAG,)) for record in deposits("trimmed", 1, MISSING)])
    if way == "by file":
        journal("export", FILE, *sqlite.arguments)
        journal("import", FILE, *other.arguments)
    else:
        journal("import", "--from-url", sqlite.url, *other.arguments)
    assert other.contents().as_history() == sqlite.contents().as_history()


def test_a_snapshot_of_an_event_that_was_not_read_is_left_out(sqlite: Place, other: Place) -> None:
    sqlite.write(deposits("a", 1, 3), snapshots=[balance("a", 2), balance("a", 4)])
    run = finished("import", "--from-url", sqlite.url, *other.arguments, "--json")
    assert "1 snapshots were newer" in run.stderr
    assert (documents(run.stdout)[0]["snapshots"], documents(run.stdout)[0]["left_out"]) == (1, 1)
    assert [snapshot.sequence_nr for snapshot in other.contents().snapshots] == [2]


def test_an_empty_journal_moves_too(sqlite: Place, other: Place) -> None:
    sqlite.write()
    journal("export", FILE, *sqlite.arguments)
    journal("import", FILE, *other.arguments)
    assert other.contents().events == []


def test_a_file_that_is_there_is_not_overwritten(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    (tmp_path / FILE).write_text("precious")
    assert f"{FILE} exists already" in complaint("export", FILE, *sqlite.arguments, code=1)
    assert (tmp_path / FILE).read_text() == "precious"


def test_a_part_that_is_something_else_is_left_alone(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    (tmp_path / f"{FILE}.part").write_text("precious")
    assert "is not an export that could be continued" in complaint("export", FILE, *sqlite.arguments, code=1)
    assert (tmp_path / f"{FILE}.part").read_text() == "precious"


def test_exactly_one_source_is_imported(sqlite: Place) -> None:
    assert "there is nothing to import; name a file" in complaint("import", code=2)
    assert "there is nothing to import; name a file" in complaint("import", "--url", sqlite.url, code=2)
    two = ("import", FILE, sqlite.url, "--from-url", "sqlite:///other.db")
    assert f"two journals are named, {FILE} and --from-url sqlite:///other.db" in complaint(*two, code=2)
    line = complaint("import", sqlite.url, FILE, code=2)
    assert line.endswith(
        f"'{FILE}' is not a URL; to write the journal into a file, run: casty journal export {FILE} {sqlite.url}"
    )


def test_pages_of_a_file_that_changes_are_refused(sqlite: Place, tmp_path: Path) -> None:
    sqlite.write_bank()
    journal("export", FILE, *sqlite.arguments)
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(JournalError, match="was changed while it was imported"):
        list(pages(file))
