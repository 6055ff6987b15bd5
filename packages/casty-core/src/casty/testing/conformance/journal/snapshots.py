"""Snapshots: the newest is found, an older one never replaces it, and as many are kept as requested."""

import asyncio

from casty.spi.journal import JournalStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import LAST, expect_equal, expect_numbers, store_all
from casty.testing.conformance.journal.records import events, snapshot
from casty.testing.conformance.journal.registry import Checks, OpenStore

check = Checks()


async def save(store: JournalStore, *numbers: int, keep: int = 99) -> None:
    for number in numbers:
        await store.save_snapshot(snapshot("a", number, str(number).encode()), keep)


async def expect_snapshot(what: str, store: JournalStore, up_to: int, wanted: int | None) -> None:
    found = await store.load_snapshot("a", up_to)
    expect_equal(f"{what}: the snapshot up to {up_to}", found, wanted and snapshot("a", wanted, str(wanted).encode()))


@check
async def without_snapshots_there_is_none(open_store: OpenStore) -> None:
    async with open_store() as store:
        await expect_snapshot("of an unknown entity", store, LAST, None)
        await store_all(store, events("a", 1, 5))
        await expect_snapshot("of an entity with events only", store, LAST, None)


@check
async def a_snapshot_comes_back_unchanged(open_store: OpenStore) -> None:
    saved = snapshot("a", 7, bytes(range(256)))._replace(manifest="grün", version=3, timestamp=-1.5)
    async with open_store() as store:
        await store.save_snapshot(saved, 2)
        expect_equal("the snapshot", await store.load_snapshot("a", LAST), saved)


@check
async def a_snapshot_names_the_serializer_that_wrote_it(open_store: OpenStore) -> None:
    async with open_store() as store:
        for saved in (snapshot("a", 7)._replace(serializer="acme-json"), snapshot("b", 7)):
            await store.save_snapshot(saved, 2)
            expect_equal("the snapshot", await store.load_snapshot(saved.entity_id, LAST), saved)
        await store.save_snapshot(snapshot("a", 7), 2)
        expect_equal("the snapshot that replaced it", await store.load_snapshot("a", LAST), snapshot("a", 7))


@check
async def the_newest_snapshot_is_loaded(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10, 20, 100)
        await expect_snapshot("of 10, 20 and 100", store, LAST, 100)


@check
async def the_bound_of_a_load_is_inclusive(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10, 20, 30)
        await expect_snapshot("of 10, 20 and 30", store, 30, 30)
        await expect_snapshot("of 10, 20 and 30", store, 29, 20)
        await expect_snapshot("of 10, 20 and 30", store, 10, 10)


@check
async def below_the_oldest_snapshot_there_is_none(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10, 20)
        await expect_snapshot("of 10 and 20", store, 9, None)
        await expect_snapshot("of 10 and 20", store, 0, None)


@check
async def an_older_snapshot_never_replaces_a_newer_one(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10, keep=1)
        await save(store, 5, keep=1)
        await expect_snapshot("of 10, then 5, of which one is kept", store, LAST, 10)


@check
async def an_older_snapshot_that_comes_late_takes_no_newer_ones_place(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10, 30, 20, 5, keep=2)
        await expect_snapshot("of 10, 30, 20 and 5, of which two are kept", store, LAST, 30)
        await expect_snapshot("of 10, 30, 20 and 5, of which two are kept", store, 29, 20)
        await expect_snapshot("of 10, 30, 20 and 5, of which two are kept", store, 19, None)


@check
async def as_many_snapshots_are_kept_as_was_asked_for(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 1, 2, 3, 4, keep=3)
        await expect_snapshot("of four, of which three are kept", store, 2, 2)
        await expect_snapshot("of four, of which three are kept", store, 1, None)


@check
async def one_snapshot_may_be_all_that_is_kept(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 1, 2, 3, keep=1)
        await expect_snapshot("of three, of which one is kept", store, LAST, 3)
        await expect_snapshot("of three, of which one is kept", store, 2, None)


@check
async def fewer_may_be_kept_later(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 1, 2, 3, keep=3)
        await save(store, 4, keep=1)
        await expect_snapshot("after one is kept", store, LAST, 4)
        await expect_snapshot("after one is kept", store, 3, None)


@check
async def a_snapshot_may_be_saved_again(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 5, 7, 7, keep=2)
        await expect_snapshot("of 5 and twice 7", store, LAST, 7)
        await expect_snapshot("of 5 and twice 7", store, 6, 5)


@check
async def entities_never_see_each_others_snapshots(open_store: OpenStore) -> None:
    names = ["a", "A", "a ", "Konto-口座", "'; --", "x" * 1_000]
    async with open_store() as store:
        for number, name in enumerate(names, 1):
            await store.save_snapshot(snapshot(name, number, name.encode()), 1)
        for number, name in enumerate(names, 1):
            found = await store.load_snapshot(name, LAST)
            expect_equal(f"the snapshot of {name[:20]!r}", found, snapshot(name, number, name.encode()))
        expect_equal("that of an entity which has none", await store.load_snapshot("b", LAST), None)


@check
async def snapshots_and_events_are_apart(open_store: OpenStore) -> None:
    async with open_store() as store:
        await save(store, 10)
        await expect_numbers("of an entity with a snapshot only", store, [])
        await store_all(store, events("a", 1, 3))
        await save(store, 3)
        await expect_numbers("of an entity with snapshots", store, [1, 2, 3])


@check
async def a_snapshot_may_be_empty(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store.save_snapshot(snapshot("a", 1, b""), 1)
        expect_equal("an empty snapshot", await store.load_snapshot("a", LAST), snapshot("a", 1, b""))


@check
async def a_snapshot_may_have_10_mebibytes(open_store: OpenStore) -> None:
    large = snapshot("a", 1, bytes(range(256)) * 4 * 1024 * 10)
    async with open_store() as store:
        await store.save_snapshot(large, 1)
        found = await store.load_snapshot("a", LAST)
        expect(found == large, "a snapshot of 10 MiB did not come back as it was saved")


@check
async def of_snapshots_saved_at_once_the_newest_stays(open_store: OpenStore) -> None:
    async with open_store() as store:
        await asyncio.gather(*(save(store, number, keep=2) for number in (3, 9, 1, 7, 8, 2, 6, 4, 5)))
        await expect_snapshot("of 1 to 9, saved at once", store, LAST, 9)
        await expect_snapshot("of 1 to 9, saved at once, of which two are kept", store, 8, 8)


@check
async def snapshots_may_be_saved_while_events_are_written(open_store: OpenStore) -> None:
    async with open_store() as store:

        async def keep_writing() -> None:
            for number in range(1, 41):
                await store_all(store, events("a", number, number))

        await asyncio.gather(keep_writing(), save(store, *range(1, 41), keep=2))
        await expect_numbers("beside snapshots", store, range(1, 41))
        await expect_snapshot("beside events", store, LAST, 40)
