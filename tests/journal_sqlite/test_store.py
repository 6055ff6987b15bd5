"""What is SQLite's own in the store; what every store does is in tests/conformance."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import EventRecord
from casty_journal_sqlite import appending, statements
from casty_journal_sqlite.statements import LARGEST
from casty_journal_sqlite.store import SqliteStore

from tests.journal_sqlite.fakes import event, snapshot


async def everything(store: SqliteStore, entity_id: str = "a") -> Sequence[EventRecord]:
    return await store.replay(entity_id, 0, 2**63 - 1, 1_000_000)


async def test_text_that_is_no_unicode_is_refused_alone(store: SqliteStore) -> None:
    refused, stored = await store.append([[event("\ud800", 1)], [event("a", 1)]])
    assert isinstance(refused, JournalError)
    assert "surrogates not allowed" in str(refused)
    assert stored is None
    assert await everything(store) == [event("a", 1)]


async def test_a_group_is_stored_whole_or_not_at_all(path: Path, store: SqliteStore) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER torn BEFORE INSERT ON events WHEN NEW.payload = x'BAD0' "
            "BEGIN SELECT RAISE(ABORT, 'a torn group'); END"
        )
    connection.close()
    torn = [event("a", 1), event("a", 2, b"\xba\xd0"), event("a", 3)]
    before, failed, behind, after = await store.append([[event("b", 1)], torn, [event("a", 4)], [event("b", 2)]])
    assert before is after is None
    assert isinstance(failed, JournalError)
    assert "events 1 to 3 of the entity 'a' cannot be stored by SQLite: a torn group" in str(failed)
    assert isinstance(behind, SequenceConflictError)
    assert await everything(store) == []
    assert len(await everything(store, "b")) == 2


async def test_a_group_larger_than_a_statement_is_stored_whole_or_not_at_all(store: SqliteStore) -> None:
    large = [event("a", number) for number in range(1, 3 * LARGEST + 7)]
    late_gap = [*large[:-1], event("a", len(large) + 1)]
    unstorable = [*large[:-1], event("a", len(large))._replace(version=2**70)]
    assert isinstance((await store.append([late_gap]))[0], SequenceConflictError)
    assert isinstance((await store.append([unstorable]))[0], JournalError)
    assert await store.highest_sequence_nr("a") == 0
    assert await store.append([large]) == [None]
    assert await everything(store) == large


async def test_forgetting_what_is_remembered_changes_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "REMEMBERED", 2)
    for number in (1, 2, 3):
        assert await store.append([[event(entity, number)] for entity in "abcde"]) == [None] * 5
        for entity in "abcde":
            late = event(entity, number, writer="late")
            assert isinstance((await store.append([[late]]))[0], SequenceConflictError)
            assert len(store._appender._highest) <= 5
    for entity in "fghij":
        await store.append([[event(entity, 1)]])
    assert len(store._appender._highest) <= 2


async def test_a_damaged_snapshot_is_passed_over_with_a_warning(
    path: Path, store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.save_snapshot(snapshot(1), keep=2)
    await store.save_snapshot(snapshot(2), keep=2)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE snapshots SET payload = x'00' WHERE sequence_nr = 2")
    connection.close()
    assert await store.load_snapshot("a", 99) == snapshot(1)
    assert "the snapshot of 'a' at event 2" in caplog.text


async def test_a_damaged_event_fails_its_entity_only(path: Path, store: SqliteStore) -> None:
    await store.append([[event("a", 1), event("a", 2)], [event("b", 1)]])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET payload = x'00' WHERE entity_id = 'a' AND sequence_nr = 2")
    connection.close()
    with pytest.raises(JournalError, match=r"event 2 of 'a' .*events\.db is damaged"):
        await everything(store)
    assert await everything(store, "b") == [event("b", 1)]


async def test_an_event_and_its_tags_are_stored_together_or_not_at_all(path: Path, store: SqliteStore) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER torn BEFORE INSERT ON tags WHEN NEW.tag = 'bad' BEGIN SELECT RAISE(ABORT, 'torn'); END"
        )
    connection.close()
    stored, refused = await store.append([[event("a", 1, tags=("good",))], [event("b", 1, tags=("good", "bad"))]])
    assert stored is None
    assert isinstance(refused, JournalError)
    assert await everything(store, "b") == []
    assert [entry.record for entry in await store.read(0, 9, ["good"])] == [event("a", 1, tags=("good",))]


@pytest.mark.parametrize(
    "statement", [statements.READ, statements.read_tagged(1), statements.read_tagged(3), statements.ENTITY_IDS]
)
async def test_a_page_is_read_without_looking_at_all_events(path: Path, store: SqliteStore, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        parameters = [0] * statement.count("?") if statement != statements.ENTITY_IDS else ["", 9]
        plan = [detail for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    connection.close()
    assert [step for step in plan if step.startswith(("SCAN events", "SCAN tags", "USE TEMP B-TREE"))] == []
    assert [step for step in plan if step.startswith("SEARCH")]
