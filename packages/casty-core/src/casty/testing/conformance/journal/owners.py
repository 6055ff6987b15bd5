"""One owner of many entities: the fence of a shard, under which each of its entities is written."""

import asyncio

from casty.errors import FencedError
from casty.spi.journal import AppendOutcome, FencingStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.concurrency import bears_several_appends
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

SHARD = "shard/accounts/1"
OWNER = "node-1/accounts/1"
EPOCH = 3 << 32
"""An epoch as a coordinator assigns it: the coordinator's term, then a count."""
ENTITIES = [f"account-{number}" for number in range(50)]


async def expect_claim_refused(store: FencingStore, key: str, owner: str, epoch: int, held: int) -> None:
    claim = f"a claim of {key!r} by {owner!r} with epoch {epoch}"
    try:
        granted = await store.claim(key, owner, epoch)
    except FencedError as error:
        expect_equal(f"{claim}: `held` of its FencedError", error.held, held)
    else:
        raise AssertionError(f"{claim}: wanted FencedError, it was granted epoch {granted}")


def expect_all_refused(what: str, outcomes: list[AppendOutcome]) -> None:
    for outcome in outcomes:
        expect_refused(what, outcome, FencedError)


@check
async def a_refused_claim_tells_the_epoch_that_is_held(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await expect_claim_refused(store, SHARD, OWNER, 0, held=0)
        await store.claim(SHARD, OWNER, EPOCH)
        await store.claim("shard/accounts/10", "node-1/accounts/10", 9)
        for owner, epoch in (("late", EPOCH - 1), (OWNER, EPOCH - 1), ("thief", EPOCH), ("late", 1), (OWNER, 0)):
            await expect_claim_refused(store, SHARD, owner, epoch, held=EPOCH)
        expect_equal("a claim above the epoch that is held", await store.claim(SHARD, "next", EPOCH + 1), EPOCH + 1)


@check
async def an_epoch_has_sixty_three_bits(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        for owner, epoch in (("low", 1), ("high", 1 << 32), ("higher", (1 << 32) + 1), ("highest", 2**63 - 1)):
            expect_equal(f"a claim of epoch {epoch}", await store.claim(SHARD, owner, epoch), epoch)
            await store_all(store, [event(owner, 1, writer=owner, epoch=epoch)])
            expect_equal("the stored epoch", [record.epoch for record in await stored(store, owner)], [epoch])


@check
async def one_fence_is_enough_for_many_entities(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim(SHARD, OWNER, EPOCH)
        groups = [events(entity, 1, 2, writer=OWNER, epoch=EPOCH) for entity in ENTITIES]
        await store_all(store, *groups)
        for group in groups:
            expect_equal("the events of one of them", await stored(store, group[0].entity_id), group)


@check
async def a_new_owner_shuts_out_the_old_one_from_every_entity(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim(SHARD, OWNER, EPOCH)
        await store_all(store, [event("seen", 1, writer=OWNER, epoch=EPOCH)])
        await store.claim(SHARD, "new", EPOCH + 1)
        outcomes = await append(
            store,
            [event("seen", 2, writer=OWNER, epoch=EPOCH)],
            *([event(entity, 1, writer=OWNER, epoch=EPOCH)] for entity in ENTITIES),
        )
        expect_all_refused("an event of the shard's old owner", list(outcomes))
        await store_all(store, *([event(entity, 1, writer="new", epoch=EPOCH + 1)] for entity in ENTITIES))


@check
async def the_owners_of_other_shards_write_on(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        for number in (1, 10, 2):
            await store.claim(f"shard/accounts/{number}", f"node-1/accounts/{number}", EPOCH)
        await store.claim(SHARD, "new", EPOCH + 1)
        ten, one, two, behind, new = await append(
            store,
            events("ten", 1, 2, writer="node-1/accounts/10", epoch=EPOCH),
            events("one", 1, 2, writer=OWNER, epoch=EPOCH),
            events("two", 1, 2, writer="node-1/accounts/2", epoch=EPOCH),
            events("another of shard 1", 1, 2, writer=OWNER, epoch=EPOCH),
            events("one", 1, 2, writer="new", epoch=EPOCH + 1),
        )
        expect_all_refused("a group of the shard that has a new owner", [one, behind])
        expect_stored("groups of other shards of the same node, and of the new owner", ten, two, new)


@check
async def a_refused_entity_says_nothing_about_others_of_its_owner(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim(SHARD, OWNER, EPOCH)
        before, gap, behind, after = await append(
            store,
            [event("a", 1, writer=OWNER, epoch=EPOCH)],
            [event("b", 2, writer=OWNER, epoch=EPOCH)],
            [event("b", 1, writer=OWNER, epoch=EPOCH)],
            [event("c", 1, writer=OWNER, epoch=EPOCH)],
        )
        expect_refused("a gap", gap)
        expect_refused("what was decided on top of it", behind)
        expect_stored("other entities of the same owner", before, after)
        await expect_numbers("after a refusal", store, [], "b")


@check
async def a_shard_that_comes_back_has_another_epoch(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        for owner, epoch in ((OWNER, EPOCH), ("node-2/accounts/1", EPOCH + 1), (OWNER, EPOCH + 2)):
            await store.claim(SHARD, owner, epoch)
        stale, due = await append(
            store, [event("a", 1, writer=OWNER, epoch=EPOCH)], [event("b", 1, writer=OWNER, epoch=EPOCH + 2)]
        )
        expect_refused("an event of the owner's first time", stale, FencedError)
        expect_stored("an event of its second time", due)


@check
async def each_entity_may_repeat_its_owners_claim_while_others_write(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim(SHARD, OWNER, EPOCH)
        for number in (1, 2, 3):
            appending = asyncio.ensure_future(
                store.append([[event(entity, number, writer=OWNER, epoch=EPOCH)] for entity in ENTITIES])
            )
            epochs = await asyncio.gather(*(store.claim(SHARD, OWNER, EPOCH) for _ in ENTITIES))
            expect_equal("the epochs of repeated claims", epochs, [EPOCH] * len(ENTITIES))
            expect_stored("events beside repeated claims", *await appending)


@check
async def after_a_claim_nothing_arrives_for_any_entity(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        for turns in range(12):
            entities, owner = [f"{name} of {turns}" for name in ENTITIES], f"old owner {turns}"
            epoch = await store.claim(SHARD, owner)
            on_its_way = asyncio.ensure_future(
                store.append([[event(entity, 1, writer=owner, epoch=epoch)] for entity in entities])
            )
            for _ in range(turns % 6):
                await asyncio.sleep(0)
            await store.claim(SHARD, f"new owner {turns}")
            seen = [await store.highest_sequence_nr(entity) for entity in entities]
            for entity, highest, outcome in zip(entities, seen, await on_its_way, strict=True):
                expect(
                    (outcome is None) == (highest == 1),
                    f"the entity {entity!r} had the number {highest} after the claim, but the outcome {outcome!r}",
                )
                await expect_numbers("when the append is over", store, range(1, highest + 1), entity)


@check.where(bears_several_appends)
async def appends_under_one_fence_may_be_under_way_together(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        for number in (1, 2):
            await store.claim(f"shard/accounts/{number}", f"node-1/accounts/{number}", EPOCH)

        async def fill(lane: int) -> None:
            for number in range(1, 21):
                await store_all(
                    store,
                    *([event(f"{lane}-{s}", number, writer=f"node-1/accounts/{s}", epoch=EPOCH)] for s in (1, 2)),
                )

        await asyncio.gather(*map(fill, range(store.capabilities.concurrent_appends)))
