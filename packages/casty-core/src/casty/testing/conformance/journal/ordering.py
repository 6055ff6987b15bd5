"""All events in one order that never changes, in which none appears late; and all entities."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from casty.spi.journal import JournalKind, JournalStore, OrderedEvent, OrderedStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import (
    ALL,
    append,
    deleting,
    expect_equal,
    expect_refused,
    ordered,
    store_all,
)
from casty.testing.conformance.journal.records import event, events, snapshot
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks(lambda capabilities: capabilities.ordered)


def places(found: Sequence[OrderedEvent]) -> list[tuple[str, int]]:
    return [(entry.record.entity_id, entry.record.sequence_nr) for entry in found]


async def read_on(store: OrderedStore, found: list[OrderedEvent], limit: int, tags: Sequence[str] = ()) -> None:
    """Add the events after those already found, page by page."""
    after = found[-1].offset if found else 0
    while page := await store.read(after, limit, tags):
        expect(len(page) <= limit, f"read with a limit of {limit} answered {len(page)} events")
        expect(page[0].offset > after, f"read after {after} answered an event with the offset {page[0].offset}")
        found += page
        after = page[-1].offset


@check
async def without_events_there_is_nothing_to_read(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        expect_equal("the events of an empty journal", await store.read(0, ALL), [])
        expect_equal("with a tag", await store.read(0, ALL, ["red"]), [])
        expect_equal("the entities of an empty journal", await store.entity_ids("", ALL), [])


@check
async def events_are_read_in_the_order_of_their_storing(open_store: OpenStore) -> None:
    first = event("b", 1, bytes(range(256)), tags=("red", "grün"))
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, [first])
        await store_all(store, events("a", 1, 2), events("c", 1, 1))
        await store_all(store, events("b", 2, 3))
        found = await store.read(0, ALL)
        wanted = [first, *events("a", 1, 2), event("c", 1), *events("b", 2, 3)]
        expect_equal("all events in their order", [entry.record for entry in found], wanted)
        offsets = [entry.offset for entry in found]
        expect_equal("offsets grow", offsets, sorted(set(offsets)))
        expect(offsets[0] >= 1, f"the first offset is {offsets[0]}, which is below 1")


@check
async def reading_goes_on_after_an_offset(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, events("a", 1, 10))
        everything = list(await store.read(0, ALL))
        expect_equal("all events", places(everything), [("a", number) for number in range(1, 11)])
        for index, entry in enumerate(everything):
            expect_equal(f"after event {index + 1}", await store.read(entry.offset, ALL), everything[index + 1 :])
        expect_equal("three after the second", await store.read(everything[1].offset, 3), everything[2:5])
        expect_equal("none", await store.read(0, 0), [])
        expect_equal("beyond the end", await store.read(everything[-1].offset + 1_000, ALL), [])


@check
async def reading_page_by_page_answers_every_event_once(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        for first in range(1, 100, 9):
            await store_all(store, *(events(f"e{entity}", first, first + 8) for entity in range(10)))
        everything = list(await store.read(0, ALL))
        expect_equal("the number of events", len(everything), 990)
        found: list[OrderedEvent] = []
        await read_on(store, found, 7)
        expect_equal("what is in pages of 7 is everything", found == everything, True)


@check
async def an_event_keeps_its_offset(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, events("a", 1, 5))
        before = list(await store.read(0, ALL))
        await store_all(store, events("b", 1, 5), events("a", 6, 6))
        expect_equal("the first five, later", await store.read(0, 5), before)


@check
async def what_was_refused_or_repeated_is_not_read(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, events("a", 1, 2))
        gap, taken, _, _ = await append(
            store, [event("a", 9)], [event("a", 1, writer="late")], events("a", 1, 2), [event("b", 1)]
        )
        expect_refused("a gap", gap)
        expect_refused("a number that is taken", taken)
        expect_equal("what is read", places(await store.read(0, ALL)), [("a", 1), ("a", 2), ("b", 1)])


@check
async def tags_select_events(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        tags = [("red",), (), ("red", "blue"), ("blue",), ("green", "red"), ()]
        await store_all(store, *([event("a", number, tags=tagged)] for number, tagged in enumerate(tags, 1)))
        everything = list(await store.read(0, ALL))
        expect_equal("all events", places(everything), [("a", number) for number in range(1, 7)])
        for wanted in (["red"], ["blue"], ["green", "blue"], ["red", "blue"], ["none"]):
            chosen = [entry for entry in everything if set(wanted) & set(entry.record.tags)]
            expect_equal(f"events with any tag of {wanted}", await store.read(0, ALL, wanted), chosen)
        chosen = [entry for entry in everything if "red" in entry.record.tags]
        expect_equal("the first two red ones", await store.read(0, 2, ["red"]), chosen[:2])
        expect_equal("the red ones after the first", await store.read(chosen[0].offset, 9, ["red"]), chosen[1:])
        found: list[OrderedEvent] = []
        await read_on(store, found, 1, ["red"])
        expect_equal("the red ones one by one", found, chosen)


@check
async def any_text_is_a_tag(open_store: OpenStore) -> None:
    tags = ["a", "A", "a ", "a,b", '"a"', "[a]", "%", "grün", "口座", "x" * 300]
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, *([event("e", number, tags=(tag,))] for number, tag in enumerate(tags, 1)))
        for number, tag in enumerate(tags, 1):
            found = await store.read(0, ALL, [tag])
            expect_equal(f"events with the tag {tag[:20]!r}", places(found), [("e", number)])


@check
async def an_event_tagged_twice_alike_is_read_once(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, [event("a", 1, tags=("red", "red")), event("a", 2, tags=("red", "blue"))])
        found = places(await store.read(0, ALL, ["red", "blue"]))
        expect_equal("events with any of two tags", found, [("a", 1), ("a", 2)])


@check
async def a_reader_of_a_tag_goes_on_after_others_have_read_further(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, [event("a", 1, tags=("red",)), event("a", 2)])
        found: list[OrderedEvent] = []
        await read_on(store, found, ALL, ["red"])
        for number in (3, 4):
            await store_all(store, [event("a", number, tags=("red",))])
            await read_on(store, found, ALL, ["red"])
            expect_equal("the red ones so far", places(found)[1:], [("a", red) for red in range(3, number + 1)])
            await read_on(store, [], ALL)


@check
async def the_highest_offset_is_never_below_one_that_is_read(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        expect_equal("the highest offset of an empty journal", await store.highest_offset(), 0)
        found: list[OrderedEvent] = []
        for number in (1, 2):
            await store_all(store, events(f"e{number}", 1, 3))
            await read_on(store, found, ALL)
            expect_equal("the number of events", len(found), 3 * number)
            highest = await store.highest_offset()
            last = found[-1].offset
            expect(highest >= last, f"the highest offset is {highest}, but an event with {last} can be read")


@check.where(lambda capabilities: capabilities.deleting)
async def the_highest_offset_outlives_its_event(open_store: OpenStore) -> None:
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, events("a", 1, 3))
        highest = await store.highest_offset()
        await deleting(opened).delete_events("a", 3)
        expect_equal("the highest offset when all events are deleted", await store.highest_offset(), highest)


@check
async def a_reader_never_misses_what_others_write_meanwhile(open_store: OpenStore) -> None:
    async with open_store() as store:
        await expect_no_event_skipped(ordered(store), [store])


@check.where(lambda capabilities: capabilities.kind is JournalKind.centralized)
async def a_reader_never_misses_what_eight_nodes_write_meanwhile(open_store: OpenStore) -> None:
    async with AsyncExitStack() as nodes:
        reader = await nodes.enter_async_context(open_store())
        writers = [await nodes.enter_async_context(open_store()) for _ in range(8)]
        await expect_no_event_skipped(ordered(reader), writers)


async def expect_no_event_skipped(reader: OrderedStore, writers: Sequence[JournalStore]) -> None:
    """Write groups of different sizes, so that one that started earlier may end later, and two in each call."""

    async def keep_writing(store: JournalStore, name: str) -> None:
        for number in range(40):
            size = 60 if number % 7 == 0 else 1
            await store_all(store, events(f"{name}-{number}", 1, size), events(f"{name}-{number}-too", 1, 2))

    writing = asyncio.gather(*(keep_writing(store, f"w{index}") for index, store in enumerate(writers)))
    found: list[OrderedEvent] = []
    finished = False
    while not finished:
        finished = writing.done()
        await read_on(reader, found, 100)
        await asyncio.sleep(0)
    await writing
    everything = await reader.read(0, ALL)
    missed = set(places(everything)) - set(places(found))
    expect(not missed, f"a reader that followed missed {len(missed)} of {len(everything)} events: {sorted(missed)[:5]}")
    expect_equal("what was followed is what there is", found == list(everything), True)
    expect_equal("the number of events", len(found), len(writers) * (6 * 60 + 34 + 40 * 2))


@check
async def entities_are_listed_by_their_bytes(open_store: OpenStore) -> None:
    names = ["b", "B", "a", "ab", "a b", "é", "z", "口座", "🏦", "\uffff", "10", "9"]
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, *(events(name, 1, 3) for name in names))
        await store.save_snapshot(snapshot("only a snapshot", 1), 1)
        await append(store, [event("only refused", 7)])
        wanted = sorted(names, key=str.encode)
        expect_equal("all entities", await store.entity_ids("", ALL), wanted)
        expect_equal("entities after 'ab'", await store.entity_ids("ab", ALL), wanted[wanted.index("ab") + 1 :])
        expect_equal("entities after one that is not there", await store.entity_ids("aa", 1), ["ab"])
        expect_equal("no entities", await store.entity_ids("", 0), [])


@check
async def entities_are_listed_page_by_page(open_store: OpenStore) -> None:
    names = [f"entity-{number:04}" for number in range(250)]
    async with open_store() as opened:
        store = ordered(opened)
        await store_all(store, *(events(name, 1, 2) for name in names))
        found: list[str] = []
        while page := await store.entity_ids(found[-1] if found else "", 100):
            expect(len(page) <= 100, f"a page of at most 100 ids has {len(page)}")
            expect(not found or page[0] > found[-1], f"a page after {found[-1:]} starts with {page[0]!r}")
            found += page
        expect_equal("250 entities in pages of 100", found == names, True)
