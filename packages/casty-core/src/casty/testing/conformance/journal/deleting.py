"""Deleted events are invisible to every reader, and their numbers are never reused."""

import asyncio
from contextlib import AsyncExitStack

from casty.spi.journal import JournalKind, JournalStore
from casty.testing.conformance.journal.expectations import (
    ALL,
    LAST,
    append,
    deleting,
    expect_equal,
    expect_refused,
    expect_stored,
    ordered,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events, numbers_of, snapshot
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks(lambda capabilities: capabilities.deleting)


async def expect_left(what: str, store: JournalStore, first: int, last: int, entity_id: str = "a") -> None:
    """Expect events from `first` to `last`, and `last` as the highest number, even if there are no events."""
    left = numbers_of(await stored(store, entity_id))
    expect_equal(f"{what}: the numbers of the events that are left", left, [*range(first, last + 1)])
    expect_equal(f"{what}: the highest number", await store.highest_sequence_nr(entity_id), last)


@check
async def deleted_events_are_not_replayed(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        await store.delete_events("a", 3)
        expect_equal("after 1 to 3 of 5 are deleted", await stored(store), events("a", 4, 5))
        await expect_left("after 1 to 3 of 5 are deleted", store, 4, 5)


@check
async def replay_takes_all_bounds_around_what_is_deleted(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 10))
        await store.delete_events("a", 5)
        for low, high, limit, wanted in (
            (1, 4, ALL, []),
            (5, 5, ALL, []),
            (1, 5, ALL, []),
            (1, 6, ALL, [6]),
            (4, 7, ALL, [6, 7]),
            (6, 8, ALL, [6, 7, 8]),
            (9, LAST, ALL, [9, 10]),
            (11, LAST, ALL, []),
            (1, LAST, 2, [6, 7]),
            (1, LAST, 0, []),
            (-5, LAST, ALL, [6, 7, 8, 9, 10]),
        ):
            what = f"replay of 6 to 10, the rest of 10, from {low} to {high}, at most {limit}"
            expect_equal(what, numbers_of(await store.replay("a", low, high, limit)), wanted)


@check
async def numbers_go_on_where_everything_is_deleted(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        await store.delete_events("a", 5)
        await expect_left("after all 5 are deleted", store, 6, 5)
        await store_all(store, events("a", 6, 7))
        await expect_left("after two more are stored", store, 6, 7)
        await store.delete_events("a", 7)
        await expect_left("after they are deleted too", store, 8, 7)


@check
async def a_bound_beyond_the_highest_takes_no_number_away(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        for beyond in (99, LAST):
            await store.delete_events("a", beyond)
            await expect_left(f"after all up to {beyond} are deleted, of which there are 5", store, 6, 5)
        await store_all(store, [event("a", 6)])
        await expect_left("after the next one", store, 6, 6)


@check
async def what_is_deleted_already_may_be_deleted_again(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        for bound in (3, 3, 1, 0, -1):
            await store.delete_events("a", bound)
            await expect_left(f"after a deletion up to 3, then up to {bound}", store, 4, 5)
        await store_all(store, [event("a", 6)])
        await expect_left("after the next one", store, 4, 6)


@check
async def an_unknown_entity_has_nothing_to_delete(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        for entity_id in ("a", "a\0b"):
            await store.delete_events(entity_id, 5)
            await expect_left("after a deletion of what there is not", store, 1, 0, entity_id)
        await store_all(store, [event("a", 1)])
        await expect_left("after its first event", store, 1, 1)


@check
async def other_entities_lose_nothing(open_store: OpenStore) -> None:
    others = ("A", "a ", "aa", "a%", "b", "")
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 3), *(events(other, 1, 3) for other in others))
        await store.delete_events("a", 3)
        await expect_left("the entity itself", store, 4, 3)
        for other in others:
            await expect_left(f"{other!r}, beside 'a' which is deleted", store, 1, 3, other)


@check
async def the_number_of_a_deleted_event_is_refused(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        for last in (3, 5):
            await store.delete_events("a", last)
            other, repeated, neighbour = await append(
                store, [event("a", last, writer="late")], events("a", 1, last), [event(f"neighbour {last}", 1)]
            )
            expect_refused("an event with the number of a deleted one", other)
            expect_refused("a deleted event that is repeated", repeated)
            expect_stored("their neighbour", neighbour)
            await expect_left(f"after {last} of 5 are deleted and some refused", store, last + 1, 5)


@check
async def snapshots_stay(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5))
        await store.save_snapshot(snapshot("a", 3), 2)
        await store.delete_events("a", 5)
        expect_equal("the snapshot of deleted events", await store.load_snapshot("a", LAST), snapshot("a", 3))


@check
async def events_may_be_deleted_while_others_are_written_and_read(open_store: OpenStore) -> None:
    """Concurrent readers may miss the first events, but never see a gap."""
    async with open_store() as opened:
        store = deleting(opened)
        seen: list[list[int]] = []

        async def look() -> None:
            seen.append(numbers_of(await stored(store)))

        for first in range(1, 200, 10):
            written = first - 1
            await asyncio.gather(
                store_all(store, events("a", first, first + 9)),
                look(),
                *(store.delete_events("a", written - left) for left in (1, 10, 0)),
                look(),
            )
        holes = [numbers for numbers in seen if numbers and numbers != [*range(numbers[0], numbers[-1] + 1)]]
        expect_equal("what readers saw that has holes", holes, [])
        await store_all(store, [event("a", 201)])
        await store.delete_events("a", 200)
        await expect_left("after 201 events, of which the last is left", store, 201, 201)


@check.where(lambda capabilities: capabilities.ordered)
async def deleted_events_are_not_read_in_order(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store, reader = deleting(opened), ordered(opened)
        await store_all(store, [event("b", 1, tags=("red",)), event("b", 2, tags=("red",))], events("a", 1, 2))
        await store_all(store, [event("b", 3, tags=("red",))], events("a", 3, 3))
        before = list(await reader.read(0, ALL))
        expect_equal("the number of events", len(before), 6)
        await store.delete_events("b", 2)
        expect_equal("the others, with their offsets", await reader.read(0, ALL), before[2:])
        expect_equal("those with a tag", await reader.read(0, ALL, ["red"]), before[4:5])
        await store.delete_events("b", 3)
        await store.delete_events("a", 2)
        expect_equal("the last one, with its offset", await reader.read(0, ALL), before[5:])
        await store.delete_events("a", 3)
        expect_equal("where everything is deleted", await reader.read(0, ALL), [])
        expect_equal("the entities that have events", await reader.entity_ids("", ALL), [])
        await store_all(store, events("a", 4, 4))
        for entry in before:
            after = [later.record for later in await reader.read(entry.offset, ALL)]
            expect_equal("an event after the offset of a deleted one", after, events("a", 4, 4))
        expect_equal("the entities that have events again", await reader.entity_ids("", ALL), ["a"])


@check.where(lambda capabilities: capabilities.durable)
async def a_reopened_store_knows_what_was_deleted(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = deleting(opened)
        await store_all(store, events("a", 1, 5), events("b", 1, 5))
        await store.delete_events("a", 5)
        await store.delete_events("b", 3)
    async with open_store() as store:
        await expect_left("all of them deleted, after reopening", store, 6, 5)
        await expect_left("some of them deleted, after reopening", store, 4, 5, "b")
        first, taken = await append(store, [event("a", 1, writer="x")], [event("b", 3, writer="y")])
        expect_refused("number 1 after reopening, where 5 are deleted", first)
        expect_refused("the number of a deleted event after reopening", taken)
        await store_all(store, events("a", 6, 6), events("b", 6, 6))
        await expect_left("after the next one", store, 6, 6)


@check.where(lambda capabilities: capabilities.kind is JournalKind.centralized)
async def a_node_that_has_missed_events_and_their_deletion_writes_none_of_their_numbers(open_store: OpenStore) -> None:
    async with AsyncExitStack() as nodes:
        late, busy = [deleting(await nodes.enter_async_context(open_store())) for _ in range(2)]
        await store_all(late, events("a", 1, 2), events("b", 1, 2))
        await store_all(busy, events("a", 3, 9, writer="busy"), events("b", 3, 9, writer="busy"))
        await busy.delete_events("a", 9)
        await busy.delete_events("b", 8)
        for entity_id in ("a", "b"):
            (refused,) = await append(late, [event(entity_id, 3)])
            expect_refused("what would have been the next number", refused)
        await store_all(late, [event("a", 10)], [event("b", 10)])
        await expect_left("after the late one has learnt it", busy, 10, 10)
