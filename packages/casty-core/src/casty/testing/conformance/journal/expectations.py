"""Expectations of the checks of journals."""

from collections.abc import Sequence
from typing import Final, cast

from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    DeletingStore,
    EventRecord,
    FencingStore,
    JournalStore,
    OrderedStore,
)
from casty.testing.conformance import expectations
from casty.testing.conformance.expectations import expect, short

LAST: Final = 2**63 - 1
"""The highest possible number; as an upper bound it means all events."""

ALL: Final = 1_000_000
"""More than any check stores; as a limit it means all events."""


def expect_equal(what: str, actual: object, wanted: object) -> None:
    """Compare sequences of records by their contents: a store may return lists or tuples."""
    actual, wanted = (list(cast(tuple[object, ...], v)) if type(v) is tuple else v for v in (actual, wanted))
    expectations.expect_equal(what, actual, wanted)


def expect_stored(what: str, *outcomes: AppendOutcome) -> None:
    for outcome in outcomes:
        expect(outcome is None, f"{what}: wanted the outcome None, there is {outcome!r}")


def expect_refused(what: str, outcome: AppendOutcome, error: type[JournalError] = SequenceConflictError) -> None:
    expect(isinstance(outcome, error), f"{what}: wanted the outcome {error.__name__}, there is {outcome!r}")


async def append(store: JournalStore, *groups: AppendGroup) -> Sequence[AppendOutcome]:
    """Append the groups, and return the outcomes after checking their number."""
    outcomes = await store.append(groups)
    expect_equal(f"the number of outcomes for {len(groups)} groups", len(outcomes), len(groups))
    return outcomes


async def store_all(store: JournalStore, *groups: AppendGroup) -> None:
    expect_stored("groups that follow what is stored", *await append(store, *groups))


async def stored(store: JournalStore, entity_id: str = "a") -> list[EventRecord]:
    """All of the entity's events."""
    return list(await store.replay(entity_id, 1, LAST, ALL))


async def expect_numbers(what: str, store: JournalStore, wanted: Sequence[int], entity_id: str = "a") -> None:
    """Expect the entity's events to have these numbers, and the last one to be its highest."""
    numbers = [record.sequence_nr for record in await stored(store, entity_id)]
    expect_equal(f"{what}: the numbers of the stored events of {short(entity_id)}", numbers, list(wanted))
    highest = await store.highest_sequence_nr(entity_id)
    expect_equal(f"{what}: the highest number of {short(entity_id)}", highest, max(wanted, default=0))


def fencing(store: JournalStore) -> FencingStore:
    """The store, which says that it is one."""
    expect(store.capabilities.fencing, f"{type(store).__name__} was to be fencing, but its capabilities say no")
    return cast(FencingStore, store)


def ordered(store: JournalStore) -> OrderedStore:
    """The store, which says that it is one."""
    expect(store.capabilities.ordered, f"{type(store).__name__} was to be ordered, but its capabilities say no")
    return cast(OrderedStore, store)


def deleting(store: JournalStore) -> DeletingStore:
    """The store, which says that it is one."""
    expect(store.capabilities.deleting, f"{type(store).__name__} was to be deleting, but its capabilities say no")
    return cast(DeletingStore, store)
