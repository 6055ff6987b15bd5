"""What the store keeps, refuses and remembers."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from casty.errors import JournalClosedError, JournalError, SequenceConflictError
from casty.spi.journal import EventRecord
from casty_journal_sqlite import store as stores
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.schema import LARGEST
from casty_journal_sqlite.store import SqliteStore, open_store

from tests.journal_sqlite.fakes import event, snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SqliteStore]:
    async with open_store(str(path), SqliteOptions()) as opened:
        yield opened


async def everything(store: SqliteStore, entity_id: str = "a") -> Sequence[EventRecord]:
    return await store.replay(entity_id, 0, 2**63 - 1, 1_000_000)


async def test_what_is_stored_is_what_comes_back(store: SqliteStore) -> None:
    records = [
        event("a", 1, bytes(range(256))),
        event("a", 2, b""),
        event("a", 3, b"\xff" * 1024 * 1024),
        event("a", 4, tags=("red", "grün", "a,b")),
    ]
    assert await store.append([records]) == [None]
    assert await everything(store) == records


@pytest.mark.parametrize(
    "entity_id", ["Konto-ÄÖÜ-口座-🏦", "'; DROP TABLE events; --", "%_", " ", "x" * 10_000]
)
async def test_any_text_is_an_id(store: SqliteStore, entity_id: str) -> None:
    assert await store.append([[event(entity_id, 1)], [event("other", 1)]]) == [None, None]
    assert await everything(store, entity_id) == [event(entity_id, 1)]
    assert await store.highest_sequence_nr(entity_id) == 1


@pytest.mark.parametrize(("entity_id", "reason"), [("a\0b", "NUL"), ("\ud800", "surrogates not allowed")])
async def test_ids_that_no_database_stores_fail_alone(
    store: SqliteStore, entity_id: str, reason: str
) -> None:
    refused, stored = await store.append([[event(entity_id, 1)], [event("a", 1)]])
    assert isinstance(refused, JournalError)
    assert reason in str(refused)
    assert stored is None
    assert await everything(store) == [event("a", 1)]


async def test_conflicts_and_gaps_are_refused_alone(store: SqliteStore) -> None:
    assert await store.append([[event("a", 1), event("a", 2)]]) == [None]
    outcomes = await store.append(
        [
            [event("a", 2)],
            [event("a", 4)],
            [event("b", 2)],
            [event("a", 3), event("a", 5)],
            [],
            [event("a", 3, writer="other")],
            [event("c", 1)],
            [event("a", 4, writer="other")],
        ]
    )
    refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, SequenceConflictError)]
    assert refused == [0, 1, 2, 3]
    assert [index for index, outcome in enumerate(outcomes) if outcome is None] == [4, 5, 6, 7]
    assert [record.sequence_nr for record in await everything(store)] == [1, 2, 3, 4]
    assert await everything(store, "b") == []


@pytest.mark.parametrize("bad", [event("a", 1), event("a", 4)], ids=["a conflict", "a gap"])
async def test_what_was_decided_on_top_of_a_refused_event_is_refused(store: SqliteStore, bad: EventRecord) -> None:
    await store.append([[event("a", 1, writer="winner"), event("a", 2, writer="winner")]])
    refused, behind, neighbour = await store.append([[bad], [event("a", 3)], [event("b", 1)]])
    assert isinstance(refused, SequenceConflictError)
    assert isinstance(behind, SequenceConflictError)
    assert neighbour is None
    assert [record.sequence_nr for record in await everything(store)] == [1, 2]


async def test_that_holds_as_well_where_the_groups_are_stored_one_by_one(path: Path, store: SqliteStore) -> None:
    await store.append([[event("a", 1)]])
    async with open_store(str(path), SqliteOptions()) as other:
        await other.append([[event("a", 2, writer="winner")]])
    # The store remembers 1, so that only the table itself refuses the first group.
    refused, behind = await store.append([[event("a", 2)], [event("a", 3)]])
    assert isinstance(refused, SequenceConflictError)
    assert isinstance(behind, SequenceConflictError)
    assert [record.sequence_nr for record in await everything(store)] == [1, 2]


async def test_another_writer_to_the_same_file_is_noticed(path: Path, store: SqliteStore) -> None:
    await store.append([[event("a", 1)]])
    async with open_store(str(path), SqliteOptions()) as other:
        assert await other.append([[event("a", 2), event("a", 3)], [event("b", 1)]]) == [None, None]
    conflict, fresh = await store.append([[event("a", 2)], [event("c", 1)]])
    assert isinstance(conflict, SequenceConflictError)
    assert "cannot store an event 2: its next one is number 4" in str(conflict)
    assert fresh is None
    assert await store.append([[event("a", 4)], [event("b", 2)]]) == [None, None]
    assert [record.sequence_nr for record in await everything(store)] == [1, 2, 3, 4]


async def test_racing_writers_have_one_winner_for_each_number(path: Path) -> None:
    async with open_store(str(path), SqliteOptions()) as one, open_store(str(path), SqliteOptions()) as two:
        for number in range(1, 31):
            outcomes = await asyncio.gather(*(s.append([[event("a", number)]]) for s in (one, two)))
            assert sorted(type(o).__name__ for (o,) in outcomes) == ["NoneType", "SequenceConflictError"]
        assert [record.sequence_nr for record in await everything(one)] == list(range(1, 31))


async def test_a_group_is_stored_whole_or_not_at_all(path: Path, store: SqliteStore) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TRIGGER torn BEFORE INSERT ON events WHEN NEW.payload = x'BAD0' "
            "BEGIN SELECT RAISE(ABORT, 'a torn group'); END"
        )
    connection.close()
    torn = [event("a", 1), event("a", 2, b"\xba\xd0"), event("a", 3)]
    before, failed, behind, after = await store.append(
        [[event("b", 1)], torn, [event("a", 4)], [event("b", 2)]]
    )
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


async def test_events_are_numbered_in_the_order_of_their_commits(path: Path, store: SqliteStore) -> None:
    await store.append([[event("b", 1)], [event("a", 1), event("a", 2)]])
    await store.append([[event("b", 2)]])
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT entity_id, sequence_nr FROM events ORDER BY ordering").fetchall()
    connection.close()
    assert rows == [("b", 1), ("a", 1), ("a", 2), ("b", 2)]


@pytest.mark.parametrize(
    ("low", "high", "limit", "expected"),
    [(0, 99, 99, [1, 2, 3, 4, 5]), (2, 4, 99, [2, 3, 4]), (2, 99, 2, [2, 3]), (4, 3, 99, []), (1, 99, 0, [])],
)
async def test_replay_is_inclusive_and_limited(
    store: SqliteStore, low: int, high: int, limit: int, expected: list[int]
) -> None:
    await store.append([[event("a", number) for number in range(1, 6)]])
    assert [record.sequence_nr for record in await store.replay("a", low, high, limit)] == expected


async def test_forgetting_what_is_remembered_changes_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "REMEMBERED", 2)
    for number in (1, 2, 3):
        assert await store.append([[event(entity, number)] for entity in "abcde"]) == [None] * 5
        for entity in "abcde":
            assert isinstance((await store.append([[event(entity, number)]]))[0], SequenceConflictError)
            assert len(store._highest) <= 5
    for entity in "fghij":
        await store.append([[event(entity, 1)]])
    assert len(store._highest) <= 2


async def test_appends_may_be_concurrent_with_reads(store: SqliteStore) -> None:
    async def write() -> None:
        for number in range(1, 51):
            assert await store.append([[event("a", number)]]) == [None]

    async def read() -> None:
        for _ in range(50):
            records = await everything(store)
            assert [record.sequence_nr for record in records] == list(range(1, len(records) + 1))

    await asyncio.gather(write(), read(), read())


async def test_a_cancelled_append_stores_all_or_nothing_and_the_store_goes_on(store: SqliteStore) -> None:
    for number in range(1, 40, 2):
        appending = asyncio.ensure_future(store.append([[event("a", number), event("a", number + 1)]]))
        for _ in range(number % 4):
            await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait([appending])
        # What was cancelled is done with once a later write is.
        await store.append([[event("b", (number + 1) // 2)]])
        highest = await store.highest_sequence_nr("a")
        assert highest in (number - 1, number + 1)
        if highest < number:
            assert await store.append([[event("a", number), event("a", number + 1)]]) == [None]
    assert [record.sequence_nr for record in await everything(store)] == list(range(1, 41))


async def test_snapshots_never_go_backwards_and_the_newest_are_kept(store: SqliteStore) -> None:
    assert await store.load_snapshot("a", 99) is None
    for number in (10, 30, 20, 5):
        await store.save_snapshot(snapshot(number), keep=2)
    assert await store.load_snapshot("a", 99) == snapshot(30)
    assert await store.load_snapshot("a", 29) == snapshot(20)
    assert await store.load_snapshot("a", 19) is None
    await store.save_snapshot(snapshot(30, b"again"), keep=2)
    assert await store.load_snapshot("a", 99) == snapshot(30, b"again")


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


async def test_a_reopened_file_holds_what_was_stored(path: Path) -> None:
    async with open_store(str(path), SqliteOptions()) as store:
        await store.append([[event("a", 1), event("a", 2)]])
        await store.save_snapshot(snapshot(2), keep=2)
    async with open_store(str(path), SqliteOptions()) as store:
        assert await everything(store) == [event("a", 1), event("a", 2)]
        assert await store.load_snapshot("a", 99) == snapshot(2)
        assert await store.append([[event("a", 3)]]) == [None]
    assert not path.with_name("events.db-wal").exists()


async def test_a_closed_store_says_so(path: Path) -> None:
    async with open_store(str(path), SqliteOptions()) as store:
        pass
    with pytest.raises(JournalClosedError):
        await store.append([[event("a", 1)]])
    with pytest.raises(JournalClosedError):
        await everything(store)
