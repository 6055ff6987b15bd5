"""A new owner fences the old one, including its writes in flight."""

import asyncio
from contextlib import AsyncExitStack

from casty.errors import FencedError
from casty.spi.journal import FencingStore, JournalKind, JournalStore
from casty.testing.conformance.journal.expectations import (
    append,
    expect_equal,
    expect_numbers,
    expect_refused,
    expect_stored,
    fencing,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks(lambda capabilities: capabilities.fencing)

ROUNDS = 30


@check
async def the_old_owner_is_shut_out(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        old = await store.claim("shard", "old")
        await store_all(store, events("a", 1, 2, writer="old", epoch=old))
        new = await store.claim("shard", "new")
        (refused,) = await append(store, [event("a", 3, writer="old", epoch=old)])
        expect_refused("the old owner's next event", refused, FencedError)
        await store_all(store, [event("a", 3, writer="new", epoch=new)])
        expect_equal("the writers", [r.writer for r in await stored(store)], ["old", "old", "new"])


@check
async def the_old_owner_hears_that_it_is_fenced_where_its_number_is_taken_too(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        old = await store.claim("shard", "old")
        new = await store.claim("shard", "new")
        await store_all(store, [event("a", 1, writer="new", epoch=new)])
        (refused,) = await append(store, [event("a", 1, writer="old", epoch=old)])
        expect_refused("an event of the old owner whose number is taken", refused, FencedError)


@check
async def an_owner_that_claims_again_leaves_its_old_epoch(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        first = await store.claim("shard", "owner")
        second = await store.claim("shard", "owner")
        (refused,) = await append(store, [event("a", 1, writer="owner", epoch=first)])
        expect_refused("an event of the epoch before", refused, FencedError)
        await store_all(store, [event("a", 1, writer="owner", epoch=second)])


@check
async def what_the_old_owner_stored_is_acknowledged_when_it_is_repeated(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        old = await store.claim("shard", "old")
        await store_all(store, events("a", 1, 2, writer="old", epoch=old))
        await store.claim("shard", "new")
        (repeated,) = await append(store, events("a", 1, 2, writer="old", epoch=old))
        expect_stored("a repetition of what is stored, which no outcome may deny", repeated)
        await expect_numbers("after a repetition", store, [1, 2])


@check
async def after_a_claim_nothing_of_the_old_owner_arrives(open_store: OpenStore) -> None:
    async with open_store() as opened:
        await take_over_and_over(fencing(opened), opened)


@check.where(lambda capabilities: capabilities.kind is JournalKind.centralized)
async def after_a_claim_on_another_node_nothing_of_the_old_owner_arrives(open_store: OpenStore) -> None:
    async with AsyncExitStack() as nodes:
        old, new = [await nodes.enter_async_context(open_store()) for _ in range(2)]
        await take_over_and_over(fencing(new), old)


async def take_over_and_over(new_node: FencingStore, old_node: JournalStore) -> None:
    """Claim a fence while an append is in flight: it is visible right after the claim, or never."""
    for round_number in range(ROUNDS):
        entity_id, owner = f"e{round_number}", f"old owner {round_number}"
        epoch = await new_node.claim("shard", owner)
        on_its_way = asyncio.ensure_future(append(old_node, events(entity_id, 1, 50, writer=owner, epoch=epoch)))
        for _ in range(round_number % 6):
            await asyncio.sleep(0)
        await new_node.claim("shard", f"new owner {round_number}")
        seen = await new_node.highest_sequence_nr(entity_id)
        (outcome,) = await on_its_way
        if seen:
            expect_stored("an append that was seen after the claim", outcome)
        else:
            expect_refused("an append that was not seen after the claim", outcome, FencedError)
        await expect_numbers("when the append is over", new_node, range(1, seen + 1), entity_id)
