"""Concurrency: racing writers, readers next to a writer, cancelled writes."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

from casty.errors import SequenceConflictError
from casty.persistence.writer import JournalWriter
from casty.spi.journal import AppendOutcome, EventRecord, JournalCapabilities, JournalKind
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import (
    append,
    expect_equal,
    expect_numbers,
    expect_refused,
    expect_stored,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events, numbers_of
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks()


def bears_several_appends(capabilities: JournalCapabilities) -> bool:
    return capabilities.concurrent_appends > 1


RACERS = 50
ROUNDS = 100


async def write(writer: JournalWriter, group: list[EventRecord]) -> AppendOutcome:
    """The outcome of a group that goes through the store's one writer."""
    outcome: asyncio.Future[AppendOutcome] = asyncio.get_running_loop().create_future()
    writer.submit(group, outcome.set_result)
    return await outcome


async def race(writers: list[JournalWriter]) -> None:
    """50 writers compete for each of 100 numbers; one gets it, and all others get a conflict."""
    for number in range(1, ROUNDS + 1):
        outcomes = await asyncio.gather(
            *(
                write(writers[racer % len(writers)], [event("a", number, writer=f"racer {racer} of round {number}")])
                for racer in range(RACERS)
            )
        )
        told = Counter(type(outcome) for outcome in outcomes)
        expect_equal(
            f"the outcomes of {RACERS} writers of event {number}", told, {type(None): 1, SequenceConflictError: 49}
        )


@check
async def of_fifty_racing_writers_one_wins_each_round(open_store: OpenStore) -> None:
    async with open_store() as store:
        await race([JournalWriter(store)])
        await expect_numbers("after a hundred rounds", store, range(1, ROUNDS + 1))


@check.where(lambda capabilities: capabilities.kind is JournalKind.centralized)
async def of_fifty_writers_on_five_nodes_one_wins_each_round(open_store: OpenStore) -> None:
    async with AsyncExitStack() as nodes:
        stores = [await nodes.enter_async_context(open_store()) for _ in range(5)]
        await race([JournalWriter(store) for store in stores])
        for store in stores:
            await expect_numbers("after a hundred rounds, on each node", store, range(1, ROUNDS + 1))


@check
async def writers_of_different_entities_do_not_disturb_each_other(open_store: OpenStore) -> None:
    async with open_store() as store:
        writer = JournalWriter(store)

        async def fill(name: str) -> None:
            for number in range(1, 21):
                expect_stored(f"event {number} of {name}", await write(writer, [event(name, number)]))

        names = [f"e{number}" for number in range(RACERS)]
        await asyncio.gather(*map(fill, names))
        for name in names:
            await expect_numbers("beside 49 others", store, range(1, 21), name)


@check.where(bears_several_appends)
async def appends_that_are_under_way_together_are_each_stored(open_store: OpenStore) -> None:
    async with open_store() as store:

        async def fill(lane: int) -> None:
            for number in range(1, 21):
                await store_all(store, *([event(f"{lane}-{entity}", number)] for entity in range(10)))

        lanes = range(store.capabilities.concurrent_appends)
        await asyncio.gather(*map(fill, lanes))
        for lane in lanes:
            for entity in range(10):
                await expect_numbers("after appends beside others", store, range(1, 21), f"{lane}-{entity}")


@check.where(bears_several_appends)
async def a_refusal_touches_no_append_beside_it(open_store: OpenStore) -> None:
    async with open_store() as store:
        for number in range(1, 21):
            (refused,), (outcome,) = await asyncio.gather(
                append(store, [event("a", 7)]), append(store, [event("b", number)])
            )
            expect_refused("event 7 of an entity that has none", refused)
            expect_stored("an event beside one that is refused", outcome)
        await expect_numbers("after refusals", store, [])
        await expect_numbers("beside refusals", store, range(1, 21), "b")


@check
async def readers_see_whole_groups_while_others_write(open_store: OpenStore) -> None:
    async with open_store() as store:

        async def keep_writing() -> None:
            for first in range(1, 150, 3):
                await store_all(store, events("a", first, first + 2))

        async def keep_reading(writing: asyncio.Task[None]) -> None:
            while not writing.done():
                numbers = numbers_of(await stored(store))
                expect_equal("what a reader sees", numbers, list(range(1, len(numbers) + 1)))
                expect(len(numbers) % 3 == 0, f"a reader saw {len(numbers)} events, of groups of three")
                await asyncio.sleep(0.001)  # without a pause, a store that writes in a thread would never run

        writing = asyncio.ensure_future(keep_writing())
        await asyncio.gather(writing, keep_reading(writing), keep_reading(writing))


@check
async def a_cancelled_append_stores_all_or_nothing_and_may_be_repeated(open_store: OpenStore) -> None:
    async with open_store() as store:
        for round_number in range(30):
            group = events("a", 3 * round_number + 1, 3 * round_number + 3)
            appending = asyncio.ensure_future(store.append([group]))
            for _ in range(round_number % 6):
                await asyncio.sleep(0)
            appending.cancel()
            await asyncio.wait([appending])
            expect_stored("a cancelled append that is repeated", *await append(store, group))
        await expect_numbers("after thirty cancelled appends, repeated", store, range(1, 91))


@check
async def a_store_goes_on_after_a_cancelled_read(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 100))
        for turns in range(6):
            reading = asyncio.ensure_future(stored(store))
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
        await store_all(store, events("a", 101, 101))
        await expect_numbers("after cancelled reads", store, range(1, 102))
