"""A durable store keeps its data when it is reopened, and a closed store raises an error."""

import asyncio
from collections.abc import Awaitable, Callable

from casty.errors import FencedError, JournalError
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import (
    ALL,
    LAST,
    append,
    expect_equal,
    expect_numbers,
    expect_refused,
    expect_stored,
    fencing,
    ordered,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events, numbers_of, snapshot
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks(lambda capabilities: capabilities.durable)


@check
async def a_reopened_store_has_its_events(open_store: OpenStore) -> None:
    tagged = event("b", 1, bytes(range(256)), tags=("red", "grün"))
    async with open_store() as store:
        await store_all(store, events("a", 1, 100), [tagged])
    async with open_store() as store:
        expect_equal("the events after reopening", await stored(store), events("a", 1, 100))
        expect_equal("an event with tags after reopening", await stored(store, "b"), [tagged])


@check
async def a_reopened_store_goes_on_with_the_next_number(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 3))
    async with open_store() as store:
        gap, taken, due = await append(
            store, [event("a", 5, writer="x")], [event("a", 3, writer="y")], [event("a", 4, writer="z")]
        )
        expect_refused("a gap after reopening", gap)
        expect_refused("a number that was taken before reopening", taken)
        expect_stored("the next number after reopening", due)
        await expect_numbers("after reopening", store, [1, 2, 3, 4])


@check
async def a_reopened_store_knows_repetitions(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 3))
    async with open_store() as store:
        expect_stored("a group that was stored before reopening", *await append(store, events("a", 1, 3)))
        await expect_numbers("after a repetition", store, [1, 2, 3])


@check
async def a_cancelled_append_is_there_whole_or_not_at_all(open_store: OpenStore) -> None:
    """In memory it may look right, while the stored data has only a part of it, or has it twice."""
    for round_number in range(12):
        async with open_store() as store:
            group = events("a", 3 * round_number + 1, 3 * round_number + 3)
            appending = asyncio.ensure_future(store.append([group]))
            for _ in range(round_number % 6):
                await asyncio.sleep(0)
            appending.cancel()
            await asyncio.wait([appending])
            if round_number % 2:
                expect_stored("a cancelled append that is repeated", *await append(store, group))
        async with open_store() as store:
            numbers = numbers_of(await stored(store))
            expect(len(numbers) % 3 == 0, f"{len(numbers)} events are left of cancelled groups of three")
            expect_equal("the numbers after a cancelled append and reopening", numbers, [*range(1, len(numbers) + 1)])
            expect_stored("a cancelled append that is repeated after reopening", *await append(store, group))


@check
async def a_reopened_store_has_its_snapshots(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.save_snapshot(snapshot("a", 10), 2)
        await store.save_snapshot(snapshot("a", 20), 2)
    async with open_store() as store:
        expect_equal("the newest snapshot", await store.load_snapshot("a", LAST), snapshot("a", 20))
        await store.save_snapshot(snapshot("a", 5), 1)
        expect_equal("after an older one came", await store.load_snapshot("a", LAST), snapshot("a", 20))


@check
async def a_reopened_store_knows_the_writers(open_store: OpenStore) -> None:
    written = event("a", 1)._replace(serializer="acme-json", writer="another", version=7)
    saved = snapshot("a", 1)._replace(serializer="acme-json")
    async with open_store() as store:
        await store_all(store, [written])
        await store.save_snapshot(saved, 2)
    async with open_store() as store:
        expect_equal("an event of another serializer after reopening", await stored(store), [written])
        expect_equal("a snapshot of another serializer after reopening", await store.load_snapshot("a", LAST), saved)


@check.where(lambda capabilities: capabilities.fencing)
async def a_reopened_store_has_its_fences(open_store: OpenStore) -> None:
    async with open_store() as store:
        await fencing(store).claim("shard", "old", 6)
        await fencing(store).claim("shard", "new", 7)
    async with open_store() as store:
        (stale,) = await append(store, [event("a", 1, writer="old", epoch=6)])
        expect_refused("the old owner's event after reopening", stale, FencedError)
        await store_all(store, [event("a", 1, writer="new", epoch=7)])
        try:
            await fencing(store).claim("shard", "late", 6)
        except FencedError as error:
            expect_equal("`held` of a claim's FencedError after reopening", error.held, 7)
        else:
            expect(False, "a claim of epoch 6 after reopening: wanted FencedError, it was granted")
        expect_equal("the next claim after epoch 7", await fencing(store).claim("shard", "newer"), 8)


@check.where(lambda capabilities: capabilities.ordered)
async def a_reopened_store_has_its_order(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("b", 1, 2), events("a", 1, 1), [event("b", 3, tags=("red",))])
        before = list(await ordered(store).read(0, ALL))
        expect_equal("the number of events", len(before), 4)
    async with open_store() as store:
        expect_equal("the order after reopening", await ordered(store).read(0, ALL), before)
        expect_equal("with a tag", await ordered(store).read(0, ALL, ["red"]), before[-1:])
        await store_all(store, events("a", 2, 2))
        after = [entry.record for entry in await ordered(store).read(before[-1].offset, ALL)]
        expect_equal("events stored after reopening", after, events("a", 2, 2))


@check
async def a_closed_store_says_so(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, [event("a", 1)])
    attempts: dict[str, Callable[[], Awaitable[object]]] = {
        "append": lambda: store.append([[event("a", 2)]]),
        "replay": lambda: store.replay("a", 1, 9, 9),
        "load_snapshot": lambda: store.load_snapshot("a", 9),
    }
    for attempt, use in attempts.items():
        try:
            await use()
        except JournalError:
            continue
        expect(False, f"{attempt} of a closed store: wanted a JournalError, there is none")
    async with open_store() as reopened:
        await expect_numbers("after an append to a closed store", reopened, [1])
