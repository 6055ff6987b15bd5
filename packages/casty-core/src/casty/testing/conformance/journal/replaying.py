"""The results of `replay` for all kinds of bounds, and the highest number."""

from casty.spi.journal import JournalStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import ALL, LAST, append, expect_equal, expect_refused, store_all
from casty.testing.conformance.journal.records import event, events, numbers_of
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks()


async def expect_replay(store: JournalStore, low: int, high: int, limit: int, wanted: list[int]) -> None:
    records = await store.replay("a", low, high, limit)
    expect_equal(f"replay of 1 to 5 from {low} to {high}, at most {limit}", numbers_of(records), wanted)


@check
async def replay_answers_all_in_order(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2), events("b", 1, 1), events("a", 3, 5))
        expect_equal("all events", await store.replay("a", 1, LAST, ALL), events("a", 1, 5))
        await expect_replay(store, 0, LAST, ALL, [1, 2, 3, 4, 5])
        await expect_replay(store, 1, 5, 5, [1, 2, 3, 4, 5])


@check
async def an_event_names_the_serializer_that_wrote_it(open_store: OpenStore) -> None:
    plain, tagged = event("a", 1), event("a", 2, tags=("red",))
    group = [plain, tagged, *(record._replace(serializer="acme-json") for record in events("a", 3, 3))]
    group.append(event("a", 4, tags=("red",))._replace(serializer="acme-json"))
    async with open_store() as store:
        await store_all(store, group)
        expect_equal("all events", await store.replay("a", 1, LAST, ALL), group)


@check
async def replay_starts_at_its_lower_bound(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 5))
        await expect_replay(store, 3, LAST, ALL, [3, 4, 5])
        await expect_replay(store, 5, LAST, ALL, [5])
        await expect_replay(store, 6, LAST, ALL, [])


@check
async def replay_ends_with_its_upper_bound(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 5))
        await expect_replay(store, 1, 3, ALL, [1, 2, 3])
        await expect_replay(store, 1, 1, ALL, [1])
        await expect_replay(store, 1, 0, ALL, [])


@check
async def replay_takes_both_bounds(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 5))
        await expect_replay(store, 2, 4, ALL, [2, 3, 4])
        await expect_replay(store, 3, 3, ALL, [3])
        await expect_replay(store, 4, 3, ALL, [])
        await expect_replay(store, -5, 0, ALL, [])


@check
async def replay_answers_no_more_than_its_limit(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 5))
        await expect_replay(store, 1, LAST, 1, [1])
        await expect_replay(store, 2, LAST, 3, [2, 3, 4])
        await expect_replay(store, 2, 3, 99, [2, 3])
        await expect_replay(store, 1, LAST, 0, [])


@check
async def replay_page_by_page_answers_everything_once(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, events("a", 1, 2_345), events("b", 1, 50))
        numbers: list[int] = []
        while page := await store.replay("a", len(numbers) + 1, LAST, 100):
            expect(len(page) <= 100, f"a page of at most 100 events has {len(page)}")
            expect_equal("the first number of the next page", page[0].sequence_nr, len(numbers) + 1)
            numbers += numbers_of(page)
        expect_equal("2,345 events in pages of 100", numbers == list(range(1, 2_346)), True)


@check
async def an_entity_without_events_has_none(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, [event("a", 1)])
        expect_equal("the events of an unknown entity", await store.replay("b", 1, LAST, ALL), [])
        expect_equal("the highest number of an unknown entity", await store.highest_sequence_nr("b"), 0)


@check
async def the_highest_number_follows_what_is_stored(open_store: OpenStore) -> None:
    async with open_store() as store:
        for last in range(1, 10):
            await store_all(store, [event("a", last)])
            expect_equal(f"the highest number after event {last}", await store.highest_sequence_nr("a"), last)
        (refused,) = await append(store, [event("a", 99)])
        expect_refused("event 99 after event 9", refused)
        expect_equal("the highest number after a refusal", await store.highest_sequence_nr("a"), 9)
