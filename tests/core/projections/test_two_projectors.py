"""One projection that runs twice: each event is handled by one, and the other one says so and waits."""

import asyncio

import pytest
from casty import Projection
from casty.journal import StoreJournal
from casty.projections import InMemoryOffsets
from casty.testing import ManualClock, settle

from tests.core.projections.fakes import Database, Envelope, deposit, insert


async def test_of_two_projectors_each_event_is_handled_by_one(
    journal: StoreJournal, target: Database, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        for _ in range(3):
            await asyncio.sleep(0)

    one, other = (
        Projection("sums", journal, slow, target, batch_size=7, poll_interval=interval, clock=manual_time)
        for interval in (1.0, 1.5)
    )
    async with one, other:
        await deposit(journal, "a", *range(100))
        await manual_time.advance(60.0)
    assert target.rows == list(range(100))
    complaints = [record.getMessage() for record in caplog.records]
    assert complaints
    assert all("'sums' runs elsewhere as well, or was rebuilt: its offset went from" in text for text in complaints)


async def test_a_projector_that_was_overtaken_says_so_once_and_waits(
    journal: StoreJournal, target: Database, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await deposit(journal, "a", *range(10))
    async with Projection("sums", journal, insert, target, batch_size=1, clock=manual_time):
        for offset in (3, 6):
            other = target.transaction("sums")
            transaction = await other.__aenter__()
            await manual_time.advance(0 if offset == 3 else 1.0)  # it has read on, and waits for the lock
            await transaction.advance(offset)
            await other.__aexit__(None, None, None)
            await settle()
            assert (target.rows, manual_time.waits()) == ([], [1.0])
        await manual_time.advance(1.0)
    assert target.rows == [6, 7, 8, 9]
    assert [record.getMessage().partition("; ")[0] for record in caplog.records] == [
        "the projection 'sums' runs elsewhere as well, or was rebuilt: its offset went from 0 to 3 meanwhile"
    ]


async def test_a_projector_that_was_overtaken_takes_over_when_the_other_one_stops(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    gate = asyncio.Event()

    async def held(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        await gate.wait()

    async with Projection("sums", journal, insert, target, clock=manual_time) as standby:
        async with Projection("sums", journal, held, target, clock=manual_time):
            await settle()
            # The one that is woken first handles it; whichever that is, the other one waits for its lock.
            await deposit(journal, "a", 1)
            await settle()
        await manual_time.advance(1.0)
        await deposit(journal, "a", 2, first=2)
        await standby.caught_up()
    assert target.rows == [1, 2]


async def test_two_projectors_with_offsets_in_memory_handle_each_event_once(
    journal: StoreJournal, manual_time: ManualClock
) -> None:
    offsets, handled = InMemoryOffsets(), list[int]()

    async def handler(_: None, envelope: Envelope) -> None:
        await asyncio.sleep(0)
        handled.append(envelope.event.amount)

    one, other = (Projection("mails", journal, handler, offsets, clock=manual_time) for _ in range(2))
    async with one, other:
        await deposit(journal, "a", *range(20))
        await manual_time.advance(5.0)
    assert handled == list(range(20))
