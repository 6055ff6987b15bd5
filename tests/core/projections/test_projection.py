"""A projection that follows a journal: once, in the background, with tags, from the beginning again."""

import asyncio
import time
from typing import Any

import pytest
from casty import JournalError, PersistedEvent, Projection, ProjectionError
from casty.errors import ConfigError
from casty.journal import EventJournal, StoreJournal
from casty.projections import Lag
from casty.testing import ManualClock, settle

from tests.core.projections.fakes import (
    Database,
    Deposited,
    Envelope,
    FailingStore,
    deposit,
    empty,
    insert,
    made,
    store_record,
)


def sums(journal: StoreJournal, target: Database, clock: ManualClock | None = None) -> Projection[Deposited, list[int]]:
    return Projection("sums", journal, insert, target, reset=empty, clock=clock)


async def test_events_are_handled_in_the_order_of_the_journal(journal: StoreJournal, target: Database) -> None:
    await deposit(journal, "b", 1, 2)
    await deposit(journal, "a", 3)
    assert await sums(journal, target).run_once() == 3
    await deposit(journal, "b", 4, first=3)
    assert await sums(journal, target).run_once() == 1
    assert target.rows == [1, 2, 3, 4]


async def test_a_handler_gets_an_event_and_all_that_is_known_of_it(journal: StoreJournal) -> None:
    seen = list[Envelope]()

    async def handler(connection: None, envelope: Envelope) -> None:
        assert connection is None
        seen.append(envelope)

    await store_record(journal, await made(journal, "a", 1, 10, "red", "blue"))
    await Projection("seen", journal, handler).run_once()
    assert seen == [envelope async for envelope in journal.events()]
    assert [(e.entity_id, e.sequence_nr, e.event.amount, e.timestamp, e.tags) for e in seen] == [
        ("a", 1, 10, 1.5, ("red", "blue"))
    ]


async def test_without_an_offset_store_it_begins_at_the_first_event(journal: StoreJournal) -> None:
    rows = list[int]()

    async def handler(_: None, envelope: Envelope) -> None:
        rows.append(envelope.event.amount)

    await deposit(journal, "a", 1, 2)
    first = Projection("sums", journal, handler)
    assert (await first.run_once(), await first.run_once()) == (2, 0)
    assert await Projection("sums", journal, handler).run_once() == 2
    assert rows == [1, 2, 1, 2]


async def test_a_transaction_has_no_more_events_than_the_batch_size(journal: StoreJournal, target: Database) -> None:
    uncommitted = list[int]()

    async def handler(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        uncommitted.append(len(rows) - len(target.rows))

    await deposit(journal, "a", *range(7))
    await Projection("sums", journal, handler, target, batch_size=3).run_once()
    assert uncommitted == [1, 2, 3, 1, 2, 3, 1]


async def test_only_events_with_one_of_the_tags(journal: StoreJournal, target: Database) -> None:
    for number, tags in enumerate([("red",), (), ("blue", "green"), ("green",)], 1):
        await store_record(journal, await made(journal, "a", number, number, *tags))
    colours = Projection("colours", journal, insert, target, tags=["red", "blue"])
    assert await colours.run_once() == 2
    assert target.rows == [1, 3]
    assert await colours.lag() == Lag(0, 0.0)


async def test_projections_of_other_names_have_offsets_of_their_own(journal: StoreJournal, target: Database) -> None:
    await deposit(journal, "a", 1)
    for name in ("one", "two", "one"):
        await Projection(name, journal, insert, target).run_once()
    assert target.rows == [1, 1]


async def test_what_the_same_journal_object_writes_is_handled_at_once(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    async with sums(journal, target, manual_time) as running:
        await running.caught_up()
        await deposit(journal, "a", 1, 2)
        await settle()
        assert target.rows == [1, 2]


async def test_what_others_write_is_handled_after_the_poll_interval(
    store: FailingStore, journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    async with sums(journal, target, manual_time) as running:
        await running.caught_up()
        assert manual_time.waits() == [1.0]
        assert await store.append([[await made(journal, "a", 1, 5)]]) == [None]
        await manual_time.advance(0.9)
        assert target.rows == []
        await manual_time.advance(0.1)
        assert target.rows == [5]


async def test_caught_up_waits_for_all_that_is_in_the_journal(
    store: FailingStore, journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", *range(250))
    async with sums(journal, target, manual_time) as running:
        await running.caught_up()
        assert len(target.rows) == 250
        assert await store.append([[await made(journal, "a", 251, 5)]]) == [None]
        await running.caught_up()
        assert len(target.rows) == 251


async def test_caught_up_does_not_wait_for_what_is_written_later(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    async def handler(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        await deposit(journal, "a", 0, first=envelope.sequence_nr + 1)  # there is always one more

    await deposit(journal, "a", 0)
    async with Projection("endless", journal, handler, target, clock=manual_time) as running:
        await running.caught_up()


async def test_caught_up_does_not_wait_for_events_with_other_tags(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1)
    async with Projection("red", journal, insert, target, tags=["red"], clock=manual_time) as running:
        await running.caught_up()
    assert target.rows == []


async def test_lag_is_the_distance_to_the_journals_end_and_the_age_of_the_first_event(
    journal: StoreJournal, target: Database
) -> None:
    projection = sums(journal, target)
    assert await projection.lag() == Lag(0, 0.0)
    await deposit(journal, "a", 1)
    await projection.run_once()
    assert await projection.lag() == Lag(0, 0.0)
    now = time.time()
    await deposit(journal, "a", 2, first=2, at=now - 60)
    await deposit(journal, "a", 3, first=3, at=now - 30)
    lag = await projection.lag()
    assert lag.offsets == 2
    assert 60 <= lag.seconds < 90
    await deposit(journal, "b", 4, at=now + 60)
    await projection.run_once()
    await deposit(journal, "b", 5, first=2, at=now + 60)
    assert await projection.lag() == Lag(1, 0.0)  # a clock that is ahead does not make the lag negative


async def test_rebuild_empties_the_rows_and_begins_again(journal: StoreJournal, target: Database) -> None:
    await deposit(journal, "a", 1, 2)
    projection = sums(journal, target)
    await projection.run_once()
    await projection.rebuild()
    assert (target.rows, (await projection.lag()).offsets) == ([], 2)
    assert await projection.run_once() == 2
    assert target.rows == [1, 2]


async def test_a_running_projection_goes_on_from_a_rebuild_at_once(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1, 2)
    async with sums(journal, target, manual_time) as running:
        await running.caught_up()
        await settle()
        target.rows.append(99)
        await running.rebuild()
        assert target.rows == []
        await settle()
        assert target.rows == [1, 2]


async def test_a_rebuild_elsewhere_is_noticed_at_the_next_poll(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1, 2)
    async with sums(journal, target, manual_time) as running:
        await running.caught_up()
        await sums(journal, target).rebuild()
        await manual_time.advance(1.0)
        assert target.rows == [1, 2]


async def test_reset_makes_the_tables_before_the_first_event(journal: StoreJournal, target: Database) -> None:
    resets = list[int]()

    async def make(rows: list[int]) -> None:
        rows.append(0)
        resets.append(len(target.rows))

    projection = Projection("sums", journal, insert, target, reset=make)
    assert await projection.run_once() == 0
    assert target.rows == [0]
    await deposit(journal, "a", 1)
    await projection.run_once()
    await projection.run_once()
    assert resets == [0, 1]


async def test_a_second_projector_does_not_reset_what_the_first_has_started(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1, 2)
    first = target.transaction("sums")
    transaction = await first.__aenter__()
    async with sums(journal, target, manual_time) as second:
        await settle()  # it has found the offset 0, and waits for the lock
        transaction.connection.append(1)
        await transaction.advance(1)
        await first.__aexit__(None, None, None)
        await second.caught_up()
    assert target.rows == [1, 2]


async def test_rebuild_without_a_reset_is_refused(journal: StoreJournal, target: Database) -> None:
    with pytest.raises(ProjectionError, match="'sums' cannot be rebuilt: it has no reset="):
        await Projection("sums", journal, insert, target).rebuild()


async def test_the_end_of_async_with_ends_the_handler_and_rolls_back(journal: StoreJournal, target: Database) -> None:
    reached, ended = asyncio.Event(), list[str]()

    async def handler(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        if envelope.event.amount == 3:
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("cancelled")

    await deposit(journal, "a", 1, 2, 3)
    async with Projection("sums", journal, handler, target, batch_size=2):
        await reached.wait()
    assert ended == ["cancelled"]
    assert target.rows == [1, 2]


async def test_it_may_be_entered_again_and_not_twice_at_once(journal: StoreJournal, target: Database) -> None:
    projection = sums(journal, target)
    async with projection:
        pass
    await deposit(journal, "a", 1)
    async with projection:
        await projection.caught_up()
        with pytest.raises(ProjectionError, match="'sums' is running already"):
            await projection.run()
        with pytest.raises(ProjectionError, match="running already"):
            await projection.__aenter__()
    assert target.rows == [1]


def test_it_may_be_run_on_one_event_loop_after_the_other(journal: StoreJournal, target: Database) -> None:
    projection = sums(journal, target)

    async def follow(amount: int) -> None:
        async with projection:
            await deposit(journal, "a", amount, first=amount)
            await projection.caught_up()
            await journal.aclose()

    for amount in (1, 2):
        asyncio.run(follow(amount))
    assert target.rows == [1, 2]


async def test_run_follows_until_it_is_cancelled(journal: StoreJournal, target: Database) -> None:
    projection = sums(journal, target)
    running = asyncio.create_task(projection.run())
    await settle()
    await deposit(journal, "a", 1)
    await projection.caught_up()
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert target.rows == [1]


async def test_waiters_get_an_error_when_the_projection_ends(journal: StoreJournal, target: Database) -> None:
    projection = sums(journal, target)
    with pytest.raises(ProjectionError, match="'sums' is not running; use it inside 'async with'"):
        await projection.caught_up()
    async with projection:
        waiting = asyncio.create_task(projection.caught_up())
        await asyncio.sleep(0)
    with pytest.raises(ProjectionError, match="'sums' was stopped"):
        await waiting


class Plain:
    """A journal with the four methods alone."""

    async def persist(self, entity_id: str, events: object) -> None: ...
    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        return []

    async def save_snapshot(self, entity_id: str, snapshot: object) -> None: ...
    async def load_snapshot(self, entity_id: str) -> None: ...


def test_a_journal_without_an_order_is_refused() -> None:
    journal: EventJournal = Plain()
    with pytest.raises(JournalError, match=r"events of a Plain cannot be read in one order.*use InMemoryJournal, Sql"):
        Projection("sums", journal, insert)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"name": ""}, "a projection needs a name"),
        ({"name": "a\0"}, "without NUL"),
        ({"batch_size": 0}, "batch_size must be 1 event or more; it is 0"),
        ({"poll_interval": 0.0}, "poll_interval must be more than 0 seconds"),
        ({"tags": "red"}, r"tags must be a list of texts, such as \['red'\]"),
    ],
)
def test_wrong_arguments_are_refused(journal: StoreJournal, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Projection(arguments.pop("name", "sums"), journal, insert, **arguments)
