"""A write with an unknown outcome can be repeated: stored events are recognized by their ids."""

from casty.testing.conformance.journal.expectations import (
    append,
    expect_equal,
    expect_numbers,
    expect_refused,
    expect_stored,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks()


@check
async def a_repeated_group_is_acknowledged_and_stored_once(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 3))
        expect_stored("a repeated group", *await append(store, events("a", 1, 3)))
        expect_equal("what is stored after a repetition", await stored(store), events("a", 1, 3))


@check
async def a_repetition_is_known_after_others_have_written(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        await store_all(store, events("a", 3, 5, writer="other"))
        expect_stored("a repeated group of some time ago", *await append(store, events("a", 1, 2)))
        await expect_numbers("after a repetition", store, [1, 2, 3, 4, 5])


@check
async def a_group_that_comes_twice_in_one_call_is_stored_once(open_store: OpenStore) -> None:
    async with open_store() as store:
        outcomes = await append(store, events("a", 1, 2), events("a", 1, 2), events("a", 3, 3))
        expect_stored("a group, the same again, and its successor", *outcomes)
        await expect_numbers("after a repetition within one call", store, [1, 2, 3])


@check
async def what_follows_a_repetition_is_stored(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2), [event("b", 1)])
        outcomes = await append(store, events("a", 1, 2), events("a", 3, 4), [event("b", 1)], [event("c", 1)])
        expect_stored("repeated groups and new ones", *outcomes)
        await expect_numbers("new events behind repeated ones", store, [1, 2, 3, 4])
        await expect_numbers("an event beside repeated ones", store, [1], "c")


@check
async def other_events_with_the_same_numbers_are_no_repetition(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        (changed,) = await append(store, [event("a", 1), event("a", 2, writer="other")])
        expect_refused("a group of one known event and one with another id", changed)
        expect_equal("what is stored", await stored(store), events("a", 1, 2))


@check
async def a_group_that_is_partly_stored_is_refused(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        (longer,) = await append(store, events("a", 2, 3))
        expect_refused("a group of a known event and a new one", longer)
        await expect_numbers("after a refusal", store, [1, 2])


@check
async def the_same_number_of_another_entity_is_no_repetition(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        (outcome,) = await append(store, [event("a", 2)._replace(entity_id="b")])
        expect_refused("event 2 of an entity that has none", outcome)
        await expect_numbers("after a refusal", store, [], "b")
