"""Two stores on one file, in one process: each knows of the other by the file alone."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

import pytest
from casty.errors import FencedError, SequenceConflictError
from casty.spi.journal import EventRecord
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import SqliteStore, open_store

from tests.journal_sqlite.fakes import event


@pytest.fixture
async def other(path: Path, store: SqliteStore) -> AsyncGenerator[SqliteStore]:
    async with open_store(str(path), SqliteOptions()) as opened:
        yield opened


async def numbers(store: SqliteStore) -> list[int]:
    return [record.sequence_nr for record in await store.replay("a", 1, 2**63 - 1, 1_000)]


async def test_what_the_other_has_written_is_noticed(store: SqliteStore, other: SqliteStore) -> None:
    await store.append([[event("a", 1)]])
    theirs = [event("a", 2, writer="other"), event("a", 3, writer="other")]
    assert await other.append([theirs, [event("b", 1)]]) == [None, None]
    conflict, fresh = await store.append([[event("a", 2)], [event("c", 1)]])
    assert isinstance(conflict, SequenceConflictError)
    assert "cannot store an event 2: its next one is number 4" in str(conflict)
    assert fresh is None
    assert await store.append([[event("a", 4)], [event("b", 2)]]) == [None, None]
    assert await numbers(store) == [1, 2, 3, 4]


async def test_what_was_decided_on_top_of_a_refused_event_is_refused(store: SqliteStore, other: SqliteStore) -> None:
    await store.append([[event("a", 1)]])
    await other.append([[event("a", 2, writer="winner")]])
    # The store remembers 1, so that only the table itself refuses the first group.
    refused, behind = await store.append([[event("a", 2)], [event("a", 3)]])
    assert isinstance(refused, SequenceConflictError)
    assert isinstance(behind, SequenceConflictError)
    assert await numbers(store) == [1, 2]


async def test_racing_writers_have_one_winner_for_each_number(store: SqliteStore, other: SqliteStore) -> None:
    for number in range(1, 31):
        racers = [(store, event("a", number, writer="one")), (other, event("a", number, writer="two"))]
        outcomes = await asyncio.gather(*(racer.append([[record]]) for racer, record in racers))
        assert sorted(type(outcome).__name__ for (outcome,) in outcomes) == ["NoneType", "SequenceConflictError"]
    assert await numbers(store) == list(range(1, 31))


async def test_what_the_other_has_stored_already_is_not_stored_again(store: SqliteStore, other: SqliteStore) -> None:
    await store.append([[event("a", 1)]])
    await other.append([[event("a", 2)]])
    assert await store.append([[event("a", 2)], [event("a", 3)]]) == [None, None]
    assert await numbers(store) == [1, 2, 3]


def owned(number: int, owner: str, epoch: int) -> list[EventRecord]:
    return [event("a", number, writer=owner, epoch=epoch)]


async def test_a_claim_through_one_store_fences_off_an_owner_that_writes_through_the_other(
    store: SqliteStore, other: SqliteStore
) -> None:
    old = await store.claim("shard", "old")
    assert await store.append([owned(1, "old", old)]) == [None]
    new = await other.claim("shard", "new")
    # Its number is due, so that the statement alone can refuse it.
    refused, behind, neighbour = await store.append([owned(2, "old", old), owned(3, "old", old), [event("b", 1)]])
    assert isinstance(refused, FencedError)
    assert isinstance(behind, FencedError)
    assert neighbour is None
    assert await other.append([owned(2, "new", new)]) == [None]
    assert [record.writer for record in await store.replay("a", 1, 9, 9)] == ["old", "new"]


async def test_the_order_of_events_is_the_order_of_their_commits(store: SqliteStore, other: SqliteStore) -> None:
    await store.append([[event("b", 1)], [event("a", 1), event("a", 2)]])
    await other.append([[event("c", 1)]])
    await store.append([[event("b", 2)]])
    for either in (store, other):
        records = [entry.record for entry in await either.read(0, 9)]
        assert records == [event("b", 1), event("a", 1), event("a", 2), event("c", 1), event("b", 2)]


async def test_the_number_of_an_event_that_the_other_has_deleted_is_not_given_again(
    store: SqliteStore, other: SqliteStore
) -> None:
    await store.append([[event("a", 1)]])
    await other.append([[event("a", 2, writer="other"), event("a", 3, writer="other")], [event("b", 1)]])
    await other.delete_events("a", 3)
    # The store remembers 1, and there is no event 2 any more: only the mark refuses it, with tags and without.
    for tags in ((), ("red",)):
        refused, neighbour = await store.append([[event("a", 2, tags=tags)], [event(f"c{len(tags)}", 1)]])
        assert isinstance(refused, SequenceConflictError)
        assert "its next one is number 4" in str(refused)
        assert neighbour is None
        store._appender._highest["a"] = 1
    assert await numbers(store) == []
    assert await store.append([[event("a", 4)]]) == [None]


async def test_tags_of_deleted_events_are_deleted_with_them(store: SqliteStore) -> None:
    await store.append([[event("a", 1, tags=("red", "blue")), event("a", 2, tags=("red",)), event("a", 3)]])
    await store.delete_events("a", 1)
    rows = await store._reading.execute_fetchall("SELECT tag, ordering FROM tags")
    assert list(rows) == [("red", 2)]


async def test_a_claim_that_is_refused_for_what_the_other_has_claimed_tells_its_epoch(
    store: SqliteStore, other: SqliteStore
) -> None:
    await store.claim("shard", "old", 5)
    await other.claim("shard", "new", 7 << 32)
    with pytest.raises(FencedError, match="'new' holds it with epoch") as refused:
        await store.claim("shard", "old", 5)
    assert refused.value.held == 7 << 32


async def test_a_repeated_claim_writes_nothing(path: Path, store: SqliteStore, other: SqliteStore) -> None:
    await store.claim("shard", "owner", 5)
    with closing(sqlite3.connect(path, isolation_level=None)) as brake:
        brake.execute("BEGIN IMMEDIATE")
        assert await store.claim("shard", "owner", 5) == 5
        assert await other.claim("shard", "owner", 5) == 5
