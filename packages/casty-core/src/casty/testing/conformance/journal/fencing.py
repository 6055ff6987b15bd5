"""Claims: the holder of a fence, its epoch, and the writes that it permits."""

import asyncio

from casty.errors import FencedError
from casty.spi.journal import FencingStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import (
    append,
    expect_equal,
    expect_numbers,
    expect_refused,
    expect_stored,
    fencing,
    store_all,
)
from casty.testing.conformance.journal.records import event, events
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks(lambda capabilities: capabilities.fencing)


async def expect_too_low(store: FencingStore, owner: str, epoch: int) -> None:
    try:
        granted = await store.claim("shard", owner, epoch)
    except FencedError:
        return
    raise AssertionError(f"a claim of epoch {epoch} by {owner!r}: wanted FencedError, it was granted epoch {granted}")


@check
async def claims_count_upwards(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        epochs = [await store.claim("shard", owner) for owner in ("one", "two", "two", "three")]
        expect_equal("the epochs of four claims", epochs, list(range(epochs[0], epochs[0] + 4)))
        expect(epochs[0] > 0, f"the first epoch is {epochs[0]}, but 0 is for events that nothing fences")


@check
async def a_claim_may_name_its_epoch(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await expect_too_low(store, "stranger", 0)
        await expect_too_low(store, "stranger", -1)
        expect_equal("a claim of epoch 5", await store.claim("shard", "one", 5), 5)
        expect_equal("a claim of epoch 9", await store.claim("shard", "two", 9), 9)
        expect_equal("a claim of the next epoch", await store.claim("shard", "three"), 10)


@check
async def a_claim_with_a_lower_epoch_changes_nothing(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("shard", "owner", 5)
        await expect_too_low(store, "late", 4)
        await expect_too_low(store, "owner", 4)
        (refused,) = await append(store, [event("a", 1, writer="late", epoch=4)])
        expect_refused("an event of the epoch that was not granted", refused, FencedError)
        await store_all(store, [event("a", 1, writer="owner", epoch=5)])


@check
async def an_epoch_has_one_owner(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("shard", "owner", 5)
        await expect_too_low(store, "thief", 5)
        expect_equal("the owner's own claim, again", await store.claim("shard", "owner", 5), 5)
        await store_all(store, [event("a", 1, writer="owner", epoch=5)])


@check
async def fences_are_apart(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("one", "owner of one", 5)
        expect_equal("a claim of another key", await store.claim("two", "owner of two", 3), 3)
        await store.claim("two", "next of two")
        await store_all(store, [event("a", 1, writer="owner of one", epoch=5)])


@check
async def of_claims_at_once_each_gets_an_epoch_of_its_own(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        owners = [f"owner {number}" for number in range(20)]
        epochs = dict(
            zip(owners, await asyncio.gather(*(store.claim("shard", owner) for owner in owners)), strict=True)
        )
        expect_equal("the number of epochs of 20 claims", len(set(epochs.values())), 20)
        last = max(owners, key=lambda owner: epochs[owner])
        for owner in owners:
            (outcome,) = await append(store, [event("a", 1, writer=owner, epoch=epochs[owner])])
            if owner == last:
                expect_stored("an event of the highest epoch", outcome)
            else:
                expect_refused("an event of a lower epoch", outcome, FencedError)


@check
async def of_claims_of_one_epoch_at_once_one_is_granted(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        claims = (store.claim("shard", f"owner {number}", 7) for number in range(20))
        results = await asyncio.gather(*claims, return_exceptions=True)
        expect_equal("grants of 20 claims of epoch 7", [result for result in results if result == 7], [7])
        others = [result for result in results if result != 7]
        expect_equal("the other 19", [isinstance(result, FencedError) for result in others], [True] * 19)


@check
async def an_event_needs_a_fence_of_its_writer_and_epoch(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("shard", "owner", 5)
        pretenders = {
            "an epoch of another owner": event("a", 1, writer="stranger", epoch=1),
            "another writer with the owner's epoch": event("a", 1, writer="thief", epoch=5),
            "the owner with a lower epoch": event("a", 1, writer="owner", epoch=4),
            "the owner with a higher epoch": event("a", 1, writer="owner", epoch=6),
        }
        for what, pretended in pretenders.items():
            (outcome,) = await append(store, [pretended])
            expect_refused(what, outcome, FencedError)
        await expect_numbers("after pretenders", store, [])
        await store_all(store, [event("a", 1, writer="owner", epoch=5)])


@check
async def an_event_of_epoch_0_needs_no_fence(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("shard", "owner")
        await store_all(store, events("a", 1, 2, writer="any writer"))
        await expect_numbers("without a fence", store, [1, 2])


@check
async def a_fenced_group_never_hurts_its_neighbours(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        await store.claim("shard", "owner", 5)
        before, refused, behind, same_entity, after = await append(
            store,
            [event("b", 1, writer="owner", epoch=5)],
            events("a", 1, 2, writer="stale", epoch=4),
            [event("a", 1, writer="stale")],
            events("a", 1, 2, writer="owner", epoch=5),
            [event("c", 1)],
        )
        expect_refused("a group of a stale epoch", refused, FencedError)
        expect_refused("what its writer decided on top of it", behind)
        expect_stored("groups around a fenced one", before, same_entity, after)
        await expect_numbers("the same entity, written to by its owner", store, [1, 2])


@check
async def a_fenced_group_is_refused_whole(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = fencing(opened)
        epoch = await store.claim("shard", "owner")
        mixed = [event("a", 1, writer="owner", epoch=epoch), event("a", 2, writer="owner", epoch=epoch + 1)]
        (outcome,) = await append(store, mixed)
        expect_refused("a group whose second event is fenced", outcome, FencedError)
        await expect_numbers("after a refusal", store, [])
