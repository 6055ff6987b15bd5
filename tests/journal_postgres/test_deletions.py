"""Deleted events keep their numbers, whatever is on its way meanwhile; durable states survive kills and new owners."""

import asyncio
from collections.abc import AsyncGenerator
from random import Random

import pytest
from casty.errors import FencedError, SequenceConflictError
from casty.persistence import durable_state
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.statements import Statements
from casty_journal_postgres.store import PostgresStore, open_store

from tests.core.persistence.counter import KEPT, Count, Look, acknowledged, counting, started
from tests.journal_postgres.fakes import event, numbers
from tests.journal_postgres.server import Admin, connected, until_waiting


@pytest.fixture
async def other(dsn: str, options: PostgresOptions) -> AsyncGenerator[PostgresStore]:
    async with open_store(dsn, options) as opened:
        yield opened


async def test_an_append_that_waits_for_a_deletion_gets_no_deleted_number(
    dsn: str, store: PostgresStore, other: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    """The mark of the deletion is younger than the append's statement, which finds the number free all the same."""
    await store.append([[event("a", 1)]])
    await other.append([[event("a", 2, writer="other"), event("a", 3, writer="other")]])
    async with connected(dsn) as deleting:
        await deleting.execute("BEGIN")
        await deleting.execute(Statements(options.schema).delete, "a", 3)
        appending = asyncio.create_task(store.append([[event("a", 2)]]))
        await until_waiting(admin, f"%{options.schema}%")
        await deleting.execute("COMMIT")
        (refused,) = await appending
    assert isinstance(refused, SequenceConflictError)
    assert "its next one is number 4" in str(refused)
    assert await numbers(store) == []


async def test_a_deletion_that_is_taken_back_changes_nothing(
    dsn: str, store: PostgresStore, options: PostgresOptions
) -> None:
    await store.append([[event("a", 1), event("a", 2)]])
    async with connected(dsn) as deleting:
        await deleting.execute("BEGIN")
        await deleting.execute(Statements(options.schema).delete, "a", 2)
        assert await numbers(store) == [1, 2]
        await deleting.execute("ROLLBACK")
    assert await numbers(store) == [1, 2]
    assert await store.append([[event("a", 3)]]) == [None]


async def test_deletions_of_one_entity_at_once_leave_the_highest_mark(
    store: PostgresStore, other: PostgresStore
) -> None:
    await store.append([[event("a", number) for number in range(1, 101)]])
    await asyncio.gather(*((store, other)[bound % 2].delete_events("a", bound) for bound in range(1, 101, 3)))
    await store.delete_events("a", 5)
    assert await numbers(store) == []
    assert await other.highest_sequence_nr("a") == 100


async def test_a_deletion_that_comes_late_does_not_lower_the_mark(
    store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    """As of two deletions at once, where the one up to a lower number has found a row and is committed later."""
    await store.append([[event("a", 1)]])
    await admin.execute(f"INSERT INTO {options.schema}.deletions VALUES ('a', 9)")
    await store.delete_events("a", 1)
    assert await store.highest_sequence_nr("a") == 9


async def test_a_journal_of_the_first_version_learns_to_delete(
    dsn: str, options: PostgresOptions, admin: Admin
) -> None:
    async with open_store(dsn, options) as store:
        await store.append([[event("a", 1), event("a", 2)]])
    await admin.execute(
        f"DROP TABLE {options.schema}.deletions; DROP FUNCTION {options.schema}.unless_deleted;"
        f"ALTER TABLE {options.schema}.events DROP COLUMN serializer;"
        f"ALTER TABLE {options.schema}.snapshots DROP COLUMN serializer;"
        f"UPDATE {options.schema}.casty_journal SET version = 1"
    )
    async with open_store(dsn, options) as store:
        await store.delete_events("a", 2)
        assert await store.highest_sequence_nr("a") == 2
        assert await store.append([[event("a", 3)]]) == [None]


@pytest.mark.parametrize("when", ["before", "after", "never"])
async def test_no_acknowledged_state_is_lost_by_a_kill(
    dsn: str, options: PostgresOptions, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_state, "KEPT", KEPT)
    random, last, settings = Random(when), 0, {"schema": options.schema}
    for _ in range(3):
        said = acknowledged(started(dsn, settings, when), last + random.randrange(60, 200) if when == "never" else -1)
        assert said > last
        async with counting(dsn, settings) as (system, ref):
            last = await system.ask(ref, Look)
            assert last in (said, said + 1)
            for _ in range(KEPT):  # of which one begins a deletion
                last = await system.ask(ref, Count)
        async with open_store(dsn, options) as store:
            stored = await numbers(store, "counter")
            assert stored == [*range(stored[0], last + 1)]
            assert len(stored) <= 3 * KEPT, "what a killed process has left is deleted by the next one"


async def test_of_two_owners_of_a_state_on_two_nodes_the_later_one_counts(dsn: str, options: PostgresOptions) -> None:
    settings = {"schema": options.schema}
    async with counting(dsn, settings) as (old, first):
        assert [await old.ask(first, Count) for _ in range(5)] == [1, 2, 3, 4, 5]
        async with counting(dsn, settings) as (new, second):
            assert await new.ask(second, Count) == 6
            with pytest.raises(FencedError, match="claimed"):
                await old.ask(first, Count)
            # It has begun again, as the newest owner, on what the other has stored.
            assert await old.ask(first, Count) == 7


async def test_what_a_fenced_owner_deletes_is_superseded_for_all_owners(store: PostgresStore) -> None:
    await store.claim("entity/a", "old")
    await store.append([[event("a", 1, writer="old", epoch=1), event("a", 2, writer="old", epoch=1)]])
    await store.claim("entity/a", "new")
    assert await store.append([[event("a", 3, writer="new", epoch=2)]]) == [None]
    await store.delete_events("a", 1)
    assert await numbers(store) == [2, 3]
