"""A store opened with `read_only` reads existing data, also next to its owner, and changes nothing."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import cast

from casty.errors import JournalError
from casty.spi.journal import JournalStore
from casty.testing.conformance.expectations import expect
from casty.testing.conformance.journal.expectations import (
    LAST,
    deleting,
    expect_equal,
    expect_numbers,
    fencing,
    store_all,
    stored,
)
from casty.testing.conformance.journal.records import event, events, snapshot
from casty.testing.conformance.journal.registry import Checks, OpenReadOnly, OpenStore

check = Checks(lambda capabilities: capabilities.read_only)


def look(open_store: OpenStore) -> AbstractAsyncContextManager[JournalStore]:
    """Open the store for reading."""
    try:
        return cast(OpenReadOnly, open_store)(read_only=True)
    except TypeError as error:
        raise AssertionError(
            "a store that declares `read_only` needs a function that takes read_only=True and opens it for "
            f"reading; the given one does not: {error}"
        ) from error


async def expect_journal_error(what: str, attempt: Awaitable[object]) -> None:
    try:
        await attempt
    except JournalError:
        return
    raise AssertionError(f"{what} of a store that was opened with read_only: wanted a JournalError, there is none")


@check
async def what_is_stored_can_be_looked_at(open_store: OpenStore) -> None:
    async with open_store() as owner:
        await store_all(owner, events("a", 1, 3))
        await owner.save_snapshot(snapshot("a", 2), 2)
    async with look(open_store) as store:
        expect_equal("the events", await stored(store), events("a", 1, 3))
        expect_equal("the snapshot", await store.load_snapshot("a", LAST), snapshot("a", 2))


@check
async def it_can_be_looked_at_beside_its_owner(open_store: OpenStore) -> None:
    async with open_store() as owner:
        await store_all(owner, events("a", 1, 3))
        async with look(open_store) as store:
            await expect_numbers("beside the owner", store, [1, 2, 3])
        await store_all(owner, events("a", 4, 4))
        await expect_numbers("of the owner, after a reader has opened the journal", owner, [1, 2, 3, 4])


@check
async def a_look_at_nothing_makes_nothing(open_store: OpenStore) -> None:
    for attempt in ("first", "second"):
        try:
            async with look(open_store) as store:
                await stored(store)
        except JournalError:
            continue
        expect(False, f"the {attempt} look at a store that is not there: wanted a JournalError, there is none")


@check
async def a_look_changes_nothing(open_store: OpenStore) -> None:
    async with open_store() as owner:
        await store_all(owner, events("a", 1, 3))
    async with look(open_store) as store:
        await expect_journal_error("an append", store.append([[event("a", 4)]]))
        await expect_journal_error("a snapshot", store.save_snapshot(snapshot("a", 3), 2))
        if store.capabilities.fencing:
            await expect_journal_error("a claim", fencing(store).claim("shard", "owner"))
        if store.capabilities.deleting:
            await expect_journal_error("a deletion", deleting(store).delete_events("a", 2))
    async with open_store() as owner:
        expect_equal("the events after that", await stored(owner), events("a", 1, 3))
        expect_equal("the snapshots after that", await owner.load_snapshot("a", LAST), None)
