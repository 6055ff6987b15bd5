"""A new owner shuts out the old one, whatever that one still has on its way."""

import asyncio
from typing import Any

import pytest
from casty.errors import FencedError, JournalError
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.schema import LOCK_CLASS
from casty_journal_postgres.store import PostgresStore, open_store

from tests.journal_postgres.fakes import event, numbers
from tests.journal_postgres.server import Admin, connected, until_waiting


async def test_an_epoch_is_claimed_only_upwards(store: PostgresStore) -> None:
    assert await store.claim("k", "one") == 1
    assert await store.claim("k", "one", 1) == 1
    assert await store.claim("k", "two", 5) == 5
    assert await store.claim("k", "three") == 6
    for owner, epoch in (("one", 6), ("three", 5), ("three", 0), ("three", -1)):
        with pytest.raises(FencedError) as refused:
            await store.claim("k", owner, epoch)
        assert refused.value.held == 6
    with pytest.raises(FencedError, match=r"three.* holds it with epoch 6"):
        await store.claim("k", "one", 2)
    with pytest.raises(FencedError):
        await store.claim("new", "one", 0)
    assert await store.claim("k", "three", 6) == 6


async def test_only_the_holder_of_an_epoch_writes_and_neighbours_do_not_suffer(store: PostgresStore) -> None:
    assert await store.claim("k", "one") == 1
    assert await store.append([[event("a", 1, writer="one", epoch=1)]]) == [None]
    assert await store.claim("k", "two") == 2
    stale, behind, neighbour, current = await store.append(
        [
            [event("a", 2, writer="one", epoch=1)],
            [event("a", 3, writer="one", epoch=1)],
            [event("b", 1)],
            [event("a", 2, writer="two", epoch=2)],
        ]
    )
    assert isinstance(stale, FencedError)
    assert isinstance(behind, FencedError)
    assert neighbour is current is None
    for never_held in (event("c", 1, writer="two", epoch=1), event("c", 1, writer="three", epoch=2)):
        (refused,) = await store.append([[never_held]])
        assert isinstance(refused, FencedError)
    assert await numbers(store) == [1, 2]
    assert await numbers(store, "c") == []


async def test_what_is_stored_may_be_repeated_by_an_owner_that_has_lost_its_fence(store: PostgresStore) -> None:
    await store.claim("k", "one")
    group = [event("a", 1, writer="one", epoch=1)]
    await store.append([group])
    await store.claim("k", "two")
    repeated, new = await store.append([group, [event("a", 2, writer="one", epoch=1)]])
    assert repeated is None
    assert isinstance(new, FencedError)


async def test_a_claim_waits_for_an_append_that_is_in_flight(
    dsn: str, store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await store.claim("k", "one")
    async with connected(dsn) as brake:
        # The append has passed the fence, and waits to see whether its number is free.
        await brake.execute(
            f"BEGIN; INSERT INTO {options.schema}.events VALUES (0, 'a', 1, 0, 'brake', '', 'm', 1, '', 0, NULL, 0)"
        )
        appending = asyncio.create_task(store.append([[event("a", 1, writer="one", epoch=1)]]))
        await until_waiting(admin, f"%{options.schema}%")
        claiming = asyncio.create_task(store.claim("k", "two"))
        await until_waiting(admin, f"%{options.schema}%", 2)
        assert not claiming.done()
        await brake.execute("ROLLBACK")
        assert await claiming == 2
        assert await numbers(store) == [1], "the new owner must see it at once"
        assert await appending == [None]


async def test_a_repeated_claim_waits_for_no_append_and_writes_nothing(
    dsn: str, store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await store.claim("k", "one", 5)
    version = f"SELECT xmin::text FROM {options.schema}.fences"
    before = await admin.fetchval(version)
    async with connected(dsn) as brake:
        await brake.execute(f"BEGIN; SELECT FROM {options.schema}.fences FOR UPDATE")
        assert await store.claim("k", "one", 5) == 5
        await brake.execute("ROLLBACK")
    assert await admin.fetchval(version) == before


async def test_a_claim_passes_appends_that_always_overlap(
    dsn: str, store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    """PostgreSQL lets each one share the fence that another one holds, past the claim that waits for it."""
    await store.claim("k", "one", 5)
    gate = f"pg_advisory_xact_lock_shared({LOCK_CLASS}, '{options.schema}.events'::regclass::oid::integer)"
    begin = f"BEGIN; SELECT {gate}; SELECT FROM {options.schema}.fences FOR SHARE"
    async with connected(dsn) as one, connected(dsn) as two:
        await one.execute(begin)
        claiming = asyncio.create_task(store.claim("k", "two", 6))
        await until_waiting(admin, f"%{options.schema}%")
        await two.execute(begin)
        await one.execute("COMMIT")
        await until_waiting(admin, f"%pg_advisory_xact_lock({LOCK_CLASS}%")
        late = asyncio.create_task(one.execute(begin))
        await until_waiting(admin, "BEGIN%")
        await two.execute("COMMIT")
        assert await claiming == 6
        await late
        await one.execute("ROLLBACK")


@pytest.mark.parametrize("keys", ["ab", "ba"])
async def test_fences_of_a_batch_are_locked_in_the_order_of_their_keys(
    dsn: str, store: PostgresStore, admin: Admin, options: PostgresOptions, keys: str
) -> None:
    """So that appends under the same fences, and the claims that wait for them, never wait in a circle."""
    owners = {"a": "z", "b": "y"}
    for key in keys:
        await store.claim(key, owners[key], 5)
    async with connected(dsn) as brake:
        await brake.execute(f"BEGIN; SELECT FROM {options.schema}.fences WHERE key = 'a' FOR UPDATE")
        groups = [[event(entity, 1, writer=owners[key], epoch=5)] for entity, key in zip("ef", keys, strict=True)]
        appending = asyncio.create_task(store.append(groups))
        await until_waiting(admin, f"%{options.schema}%")
        await admin.execute(f"SELECT FROM {options.schema}.fences WHERE key = 'b' FOR UPDATE NOWAIT")
        await brake.execute("ROLLBACK")
        assert await appending == [None, None]


async def test_an_append_asks_for_each_fence_once(store: PostgresStore) -> None:
    """The fence of a shard costs one look-up for all events of a batch, however many entities they are of."""
    asked: list[tuple[str, int]] = []

    class Recording:
        async def fetchval(self, _statement: str, rows: list[Any], owners: list[str], epochs: list[int]) -> int:
            asked.extend(zip(owners, epochs, strict=True))
            return len(rows)

    opened: Any = store
    groups = [[event(f"e{number}", 1, writer=f"node/{number % 2}", epoch=5)] for number in range(1_000)]
    assert await opened._insert(Recording(), groups)
    assert sorted(asked) == [("node/0", 5), ("node/1", 5)]


@pytest.mark.parametrize(("key", "epoch"), [("k\0", 1), ("k", 2**63)])
async def test_a_claim_that_postgresql_cannot_hold_is_a_journal_error(
    store: PostgresStore, key: str, epoch: int
) -> None:
    with pytest.raises(JournalError, match="claim a fence in"):
        await store.claim(key, "one", epoch)


async def test_an_append_that_comes_while_its_fence_is_being_claimed_is_refused(
    dsn: str, store: PostgresStore, admin: Admin, options: PostgresOptions
) -> None:
    await store.claim("k", "one")
    async with connected(dsn) as successor:
        await successor.execute(f"BEGIN; UPDATE {options.schema}.fences SET owner = 'two', epoch = 2")
        appending = asyncio.create_task(store.append([[event("a", 1, writer="one", epoch=1)]]))
        await until_waiting(admin, f"%{options.schema}%")
        await successor.execute("COMMIT")
        assert isinstance((await appending)[0], FencedError)
    assert await numbers(store) == []


async def test_a_claim_gets_its_turn_beside_an_owner_that_never_stops_writing(
    dsn: str, options: PostgresOptions, store: PostgresStore
) -> None:
    await store.claim("k", "one")

    async def write() -> int:
        number = 0
        while True:
            (refused,) = await store.append([[event("a", number + 1, writer="one", epoch=1)]])
            if refused is not None:
                assert isinstance(refused, FencedError)
                return number
            number += 1

    writing = asyncio.create_task(write())
    async with open_store(dsn, options) as other:
        while await other.highest_sequence_nr("a") < 5:
            pass
        assert await other.claim("k", "two") == 2
        seen = await other.highest_sequence_nr("a")
        assert await writing == seen
