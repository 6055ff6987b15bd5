"""Entities are separate, whatever their ids."""

from casty.errors import JournalError
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

STRANGE = (
    " ",
    "Konto-ÄÖÜ-口座-🏦",
    "'; DROP TABLE events; --",
    '"quoted"',
    "100%_done",
    "back\\slash",
    "line\nbreak\tand tab",
    "account/7:x?y#z",
    "x" * 255,
)


@check
async def any_text_is_an_id(open_store: OpenStore) -> None:
    async with open_store() as store:
        await store_all(store, *(events(name, 1, 2) for name in STRANGE))
        for name in STRANGE:
            expect_equal(f"the events of {name[:30]!r}", await stored(store, name), events(name, 1, 2))


@check
async def an_id_may_have_a_thousand_characters(open_store: OpenStore) -> None:
    one, other = "ä" * 999 + "1", "ä" * 999 + "2"
    async with open_store() as store:
        await store_all(store, events(one, 1, 2), events(other, 1, 1))
        await expect_numbers("an id of 1,000 characters", store, [1, 2], one)
        await expect_numbers("one that differs in the last of them", store, [1], other)


@check
async def ids_that_look_alike_are_different(open_store: OpenStore) -> None:
    alike = ["a", "A", "a ", " a", "a\u0301", "á", "а"]  # noqa: RUF001 - the last is a Cyrillic letter
    async with open_store() as store:
        await store_all(store, *(events(name, 1, index) for index, name in enumerate(alike, 1)))
        for index, name in enumerate(alike, 1):
            await expect_numbers("ids that look alike", store, range(1, index + 1), name)


@check
async def an_id_with_a_nul_character_is_refused_alone(open_store: OpenStore) -> None:
    async with open_store() as store:
        before, refused, after = await append(store, [event("a", 1)], [event("a\0b", 1)], [event("b", 1)])
        expect_refused("an id with a NUL character, which many databases cannot store", refused, JournalError)
        expect_stored("its neighbours", before, after)
        await expect_numbers("the id up to the NUL character", store, [1])
        await expect_numbers("its neighbour", store, [1], "b")


@check
async def an_id_that_is_no_unicode_is_kept_as_it_is_or_refused_alone(open_store: OpenStore) -> None:
    strange = "a\ud800"
    async with open_store() as store:
        outcome, neighbour = await append(store, [event(strange, 1)], [event("b", 1)])
        expect_stored("the neighbour of an id with half a surrogate pair", neighbour)
        if outcome is None:
            expect_equal("its event", await stored(store, strange), [event(strange, 1)])
        else:
            expect_refused("an id with half a surrogate pair", outcome, JournalError)


@check
async def entities_never_see_each_others_events(open_store: OpenStore) -> None:
    async with open_store() as store:
        names = [f"account-{number}" for number in range(20)]
        for number in range(1, 6):
            await store_all(store, *([event(name, number, name.encode())] for name in names))
        for name in names:
            payloads = [record.payload for record in await stored(store, name)]
            expect_equal(f"the payloads of {name}", payloads, [name.encode()] * 5)
