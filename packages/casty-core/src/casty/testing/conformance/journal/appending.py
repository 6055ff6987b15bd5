"""Which groups are stored and refused, and what a refusal means for other groups."""

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
async def what_is_stored_comes_back_unchanged(open_store: OpenStore) -> None:
    first = event("a", 1, b"\x00\xff", tags=("red", "grün", "a,b", '"', ""))
    other = first._replace(sequence_nr=2, event_id=bytes(16), manifest="other.Type", version=7, timestamp=0.1, tags=())
    async with open_store() as store:
        await store_all(store, [first, other])
        expect_equal("the stored events", await stored(store), [first, other])


@check
async def any_bytes_are_a_payload(open_store: OpenStore) -> None:
    payloads = [b"", bytes(range(256)), b"\r\n\x1a", b"\xff" * 1024 * 1024]
    group = [event("a", number, payload) for number, payload in enumerate(payloads, 1)]
    async with open_store() as store:
        await store_all(store, group)
        expect_equal("the payloads", [record.payload for record in await stored(store)], payloads)


@check
async def what_is_acknowledged_can_be_read_at_once(open_store: OpenStore) -> None:
    async with open_store() as store:
        for number in range(1, 21):
            await store_all(store, [event("a", number)])
            await expect_numbers("right after an acknowledgement", store, range(1, number + 1))


@check
async def the_last_event_of_a_group_is_stored_too(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 3), events("b", 1, 1))
        await store_all(store, events("a", 4, 4))
        await expect_numbers("after two groups", store, [1, 2, 3, 4])
        await expect_numbers("a group of one event", store, [1], "b")


@check
async def a_first_event_has_the_number_1(open_store: OpenStore) -> None:
    async with open_store() as store:
        for number in (0, 2):
            (outcome,) = await append(store, [event("a", number)])
            expect_refused(f"a first event with the number {number}", outcome)
        await expect_numbers("after refusals", store, [])


@check
async def a_gap_is_refused(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        (outcome,) = await append(store, [event("a", 4)])
        expect_refused("event 4 after event 2", outcome)
        await expect_numbers("after a refusal", store, [1, 2])


@check
async def a_group_with_a_gap_is_refused_whole(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, [event("a", 1)])
        (outcome,) = await append(store, [event("a", 2), event("a", 4)])
        expect_refused("a group of the events 2 and 4", outcome)
        await expect_numbers("after a refusal", store, [1])


@check
async def a_number_that_is_taken_is_refused(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2))
        (outcome,) = await append(store, events("a", 2, 3, writer="late"))
        expect_refused("event 2 of another writer", outcome)
        expect_equal("what is stored after a refusal", await stored(store), events("a", 1, 2))


@check
async def a_large_group_is_stored_whole_or_not_at_all(open_store: OpenStore) -> None:
    large = events("a", 1, 10_000)
    async with open_store() as store:
        (outcome,) = await append(store, [*large[:-1], event("a", 10_001)])
        expect_refused("10,000 events with a gap before the last", outcome)
        await expect_numbers("after a refusal", store, [])
        await store_all(store, large)
        expect_equal("10,000 events", await stored(store) == large, True)


@check
async def groups_of_one_call_count_for_those_after_them(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2), events("a", 3, 3), events("b", 1, 1), events("a", 4, 6))
        await expect_numbers("four groups of one call", store, [1, 2, 3, 4, 5, 6])
        (stored_one, gap) = await append(store, [event("a", 7)], [event("a", 9, writer="other")])
        expect_stored("event 7 after event 6", stored_one)
        expect_refused("event 9 after event 7 of the same call", gap)


@check
async def many_groups_fit_in_one_call(open_store: OpenStore) -> None:
    names = [f"e{number}" for number in range(1_500)]
    async with open_store() as store:
        await store_all(store, *(events(name, 1, 2) for name in names))
        await store_all(store, *(events(name, 3, 3) for name in names))
        for name in (names[0], names[700], names[-1]):
            await expect_numbers("1,500 groups in one call", store, [1, 2, 3], name)


@check
async def outcomes_are_in_the_order_of_their_groups(open_store: OpenStore) -> None:
    groups = [[event(f"e{number}", 2 if number % 3 == 1 else 1, writer=f"w{number}")] for number in range(30)]
    async with open_store() as store:
        for number, outcome in enumerate(await append(store, *groups)):
            if number % 3 == 1:
                expect_refused(f"the gap in group {number} of 30", outcome)
            else:
                expect_stored(f"group {number} of 30, which has no gap", outcome)


@check
async def a_refused_group_never_hurts_its_neighbours(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, [event("a", 1)])
        before, refused, same_entity, after = await append(
            store,
            [event("b", 1)],
            [event("a", 1, writer="late")],
            [event("a", 2)],
            [event("c", 1)],
        )
        expect_refused("a number that is taken", refused)
        expect_stored("groups around a refused one", before, same_entity, after)
        await expect_numbers("the refused group's entity, written to by another", store, [1, 2])
        await expect_numbers("the group before", store, [1], "b")
        await expect_numbers("the group after", store, [1], "c")


@check
async def what_was_decided_on_top_of_a_refused_event_is_refused(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, [event("a", 1, writer="winner")])
        refused, behind, far_behind, other = await append(
            store,
            [event("a", 1, writer="loser")],
            [event("a", 2, writer="loser")],
            [event("a", 3, writer="loser")],
            [event("b", 1, writer="loser")],
        )
        expect_refused("a number that is taken", refused)
        expect_refused("the loser's next event, whose number is due", behind)
        expect_refused("the event behind that", far_behind)
        expect_stored("the loser's event of another entity", other)
        await expect_numbers("after refusals", store, [1])


@check
async def nothing_to_store_is_no_error(open_store: OpenStore) -> None:
    async with open_store() as store:
        await append(store)
        expect_stored("an empty group, and its neighbour", *await append(store, [], [event("a", 1)]))
        await expect_numbers("beside an empty group", store, [1])


@check
async def time_stamps_mean_nothing_for_the_order(open_store: OpenStore) -> None:
    stamps = [5.0, 1.0, 0.0, -7.5, 1e12]
    async with open_store() as store:
        await store_all(store, [event("a", n)._replace(timestamp=stamp) for n, stamp in enumerate(stamps, 1)])
        expect_equal("the time stamps", [record.timestamp for record in await stored(store)], stamps)
        await expect_numbers("with clocks that jump", store, [1, 2, 3, 4, 5])
