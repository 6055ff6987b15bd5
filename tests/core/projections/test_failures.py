"""Handlers that raise, events that cannot be read, outages, offsets from nowhere, and two projectors at once."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from casty import DecodeError, InMemoryJournal, Projection, ProjectionError
from casty.behaviors.supervision import Backoff
from casty.errors import JournalError, OffsetStoreError
from casty.journal import StoreJournal
from casty.projections import InMemoryOffsets, OnError, OpenOffsets
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

STEADY = Backoff(initial=1.0, maximum=4.0, jitter=0)
POISON = 3


@dataclass(slots=True)
class Handler:
    """Cannot handle an amount of 3, so many times; and keeps count of all that it is called with."""

    failures: int = 1_000_000
    calls: list[int] = field(default_factory=list[int])

    async def __call__(self, rows: list[int], envelope: Envelope) -> None:
        self.calls.append(envelope.event.amount)
        await insert(rows, envelope)
        if envelope.event.amount == POISON and self.failures:
            self.failures -= 1
            raise ValueError("three")


def sums(
    journal: StoreJournal,
    target: Database,
    handler: Handler,
    *,
    on_error: OnError = OnError.retry,
    clock: ManualClock | None = None,
) -> Projection[Deposited, list[int]]:
    return Projection("sums", journal, handler, target, on_error=on_error, backoff=STEADY, clock=clock)


async def test_an_event_that_fails_is_tried_again_with_backoff_and_none_overtakes_it(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    handler = Handler(failures=4)
    async with sums(journal, target, handler, clock=manual_time):
        await settle()
        assert (handler.calls, target.rows) == ([1, 2, 3], [])
        for wait, rows in ((1.0, [1, 2]), (1.0, [1, 2]), (2.0, [1, 2]), (4.0, [1, 2, 3, 4])):
            assert manual_time.waits() == [wait]
            await manual_time.advance(wait)
            assert target.rows == rows
    # Those before it are committed apart from it, and not handled again with it.
    assert handler.calls == [1, 2, 3, 1, 2, 3, 3, 3, 3, 4]


async def test_once_the_event_is_handled_batches_are_whole_again(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    sizes, failures = list[int](), [ValueError("three")]

    async def handler(rows: list[int], envelope: Envelope) -> None:
        await insert(rows, envelope)
        sizes.append(len(rows) - len(target.rows))
        if envelope.event.amount == POISON and failures:
            raise failures.pop()

    await deposit(journal, "a", 1, 2, 3, 4, 5)
    async with Projection("sums", journal, handler, target, clock=manual_time, backoff=STEADY) as running:
        await manual_time.advance(1.0)
        await running.caught_up()
    assert sizes == [1, 2, 3, 1, 1, 1, 1, 2]


async def test_new_events_do_not_shorten_the_backoff(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 3)
    handler = Handler()
    async with sums(journal, target, handler, clock=manual_time):
        await settle()
        await deposit(journal, "a", 4, first=2)
        await settle()
        assert handler.calls == [3]


async def test_a_failure_is_logged_with_projection_offset_and_entity(
    journal: StoreJournal, target: Database, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await deposit(journal, "a", 1, 2)
    await deposit(journal, "b", 3)
    async with sums(journal, target, Handler(), clock=manual_time):
        await settle()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "the projection 'sums': it could not handle event 1 of 'b', a projections.Deposited, at offset 3; "
        "it tries again in 1.0 s"
    )
    assert "ValueError: three" in caplog.text


@pytest.mark.parametrize("on_error", OnError)
async def test_an_event_that_fails_once_is_always_tried_again(
    journal: StoreJournal, target: Database, manual_time: ManualClock, on_error: OnError
) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    async with sums(journal, target, Handler(failures=1), on_error=on_error, clock=manual_time) as running:
        await manual_time.advance(1.0)
        await running.caught_up()
    assert target.rows == [1, 2, 3, 4]


async def test_skip_leaves_the_event_out_and_says_so(
    journal: StoreJournal, target: Database, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    handler = Handler()
    async with sums(journal, target, handler, on_error=OnError.skip, clock=manual_time) as running:
        await manual_time.advance(1.0)
        await running.caught_up()
    assert target.rows == [1, 2, 4]
    assert handler.calls == [1, 2, 3, 1, 2, 3, 4]
    (error,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert error.getMessage() == (
        "the projection 'sums' has left out event 3 of 'a', a projections.Deposited, at offset 3"
    )
    assert await sums(journal, target, handler).run_once() == 0


async def test_a_rebuild_goes_before_skipping(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    rebuilding: list[asyncio.Task[None]] = []

    async def handler(rows: list[int], envelope: Envelope) -> None:
        if envelope.event.amount == POISON:
            if len(target.rows) == 2 and not rebuilding:
                rebuilding.append(asyncio.create_task(running.rebuild()))
                await settle()  # it waits for the transaction that is about to be rolled back
            raise ValueError("three")
        await insert(rows, envelope)

    await deposit(journal, "a", 1, 2, 3, 4)
    async with Projection(
        "sums", journal, handler, target, reset=empty, on_error=OnError.skip, backoff=STEADY, clock=manual_time
    ) as running:
        await manual_time.advance(5.0)
        await asyncio.gather(*rebuilding, running.caught_up())
    assert rebuilding
    assert target.rows == [1, 2, 4]


async def test_stop_stops_at_the_event_and_fails_all_waiters(
    journal: StoreJournal, target: Database, manual_time: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    complaint = "'sums' stopped, as it could not handle event 3 of 'a', a projections.Deposited, at offset 3: ValueErr"

    async def follow() -> None:
        async with sums(journal, target, Handler(), on_error=OnError.stop, clock=manual_time) as running:
            waiting = asyncio.create_task(running.caught_up())
            await manual_time.advance(1.0)
            with pytest.raises(ProjectionError, match=complaint):
                await waiting
            with pytest.raises(ProjectionError, match=complaint):
                await running.caught_up()

    with pytest.raises(ProjectionError, match=complaint) as stopped:
        await follow()
    assert isinstance(stopped.value.__cause__, ValueError)
    assert target.rows == [1, 2]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [str(stopped.value)]


async def test_a_failure_of_the_program_is_not_hidden_by_one_of_the_projection(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 3)

    async def follow() -> None:
        async with sums(journal, target, Handler(), on_error=OnError.stop, clock=manual_time):
            await manual_time.advance(1.0)
            raise KeyError

    with pytest.raises(KeyError):
        await follow()


@pytest.mark.parametrize("on_error", [OnError.retry, OnError.stop])
async def test_run_once_raises_and_keeps_what_came_before(
    journal: StoreJournal, target: Database, on_error: OnError
) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    with pytest.raises(ProjectionError, match="at offset 3"):
        await sums(journal, target, Handler(), on_error=on_error).run_once()
    assert target.rows == [1, 2]
    assert await sums(journal, target, Handler(failures=0)).run_once() == 2
    assert target.rows == [1, 2, 3, 4]


async def test_run_once_skips_if_configured(journal: StoreJournal, target: Database) -> None:
    await deposit(journal, "a", 1, 2, 3, 4)
    assert await sums(journal, target, Handler(), on_error=OnError.skip).run_once() == 3
    assert target.rows == [1, 2, 4]


async def test_without_a_connection_what_was_handled_before_the_failure_counts(
    journal: StoreJournal, manual_time: ManualClock
) -> None:
    done, failures = list[int](), [ValueError("three")]

    async def handler(_: None, envelope: Envelope) -> None:
        if envelope.event.amount == POISON and failures:
            raise failures.pop()
        done.append(envelope.event.amount)

    await deposit(journal, "a", 1, 2, 3, 4)
    async with Projection("mails", journal, handler, clock=manual_time, backoff=STEADY) as running:
        await manual_time.advance(1.0)
        await running.caught_up()
    assert done == [1, 2, 3, 4]


async def test_without_a_connection_what_was_not_committed_is_handled_again(journal: StoreJournal) -> None:
    done, reached, offsets = list[int](), asyncio.Event(), InMemoryOffsets()

    async def handler(_: None, envelope: Envelope) -> None:
        if envelope.event.amount == POISON and not reached.is_set():
            reached.set()
            await asyncio.Event().wait()
        done.append(envelope.event.amount)

    await deposit(journal, "a", 1, 2, 3, 4)
    async with Projection("mails", journal, handler, offsets):
        await reached.wait()
    await Projection("mails", journal, handler, offsets).run_once()
    assert done == [1, 2, 1, 2, 3, 4]


async def test_an_event_that_cannot_be_decoded_is_an_event_that_fails(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1)
    unknown = (await made(journal, "a", 2, 2))._replace(manifest="bank.Vanished")
    await store_record(journal, unknown)
    await deposit(journal, "a", 3, first=3)
    with pytest.raises(ProjectionError, match=r"event 2 of 'a', a bank\.Vanished, at offset 2") as stopped:
        await Projection("sums", journal, insert, target).run_once()
    assert isinstance(stopped.value.__cause__, DecodeError)
    assert target.rows == [1]
    assert await Projection("sums", journal, insert, target, on_error=OnError.skip).run_once() == 1
    assert target.rows == [1, 3]


async def test_an_outage_of_the_journal_is_waited_out(
    store: FailingStore, journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1)
    store.failure = JournalError("the disk is full")
    async with sums(journal, target, Handler(), on_error=OnError.stop, clock=manual_time) as running:
        await manual_time.advance(1.0 + 2.0 + 4.0 + 4.0)
        waiting = asyncio.create_task(running.caught_up(timeout=2.0))
        await manual_time.advance(2.0)
        with pytest.raises(TimeoutError, match=r"'sums' has not caught up within 2 s; its last failure: JournalError"):
            await waiting
        store.failure = None
        await manual_time.advance(2.0)
        assert target.rows == [1]
    store.failure = JournalError("the disk is full")
    with pytest.raises(JournalError, match="the disk is full"):
        await sums(journal, target, Handler()).run_once()


@dataclass(slots=True)
class Flickering:
    """An offset store that cannot be opened, so many times."""

    target: Database
    failures: int
    openings: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[OpenOffsets[list[int]]]:
        self.openings += 1
        if self.failures:
            self.failures -= 1
            raise OffsetStoreError("the server refuses connections")
        yield self.target


async def test_an_outage_of_the_offset_store_is_waited_out_and_skips_nothing(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1)
    store = Flickering(target, failures=2)
    async with Projection(
        "sums", journal, insert, store, on_error=OnError.skip, backoff=STEADY, clock=manual_time
    ) as running:
        await manual_time.advance(1.0 + 2.0)
        await running.caught_up()
    assert (target.rows, store.openings) == ([1], 3)


async def test_an_offset_that_the_journal_has_never_come_to_is_refused(
    journal: StoreJournal, target: Database, manual_time: ManualClock
) -> None:
    await deposit(journal, "a", 1, 2, 3)
    await sums(journal, target, Handler(failures=0)).run_once()
    restored = InMemoryJournal()
    await deposit(restored, "a", 1, 2)
    complaint = "'sums' has handled events up to offset 3, but the journal has never come further than 2: it was res"
    with pytest.raises(ProjectionError, match=complaint):
        await sums(restored, target, Handler()).run_once()
    with pytest.raises(ProjectionError, match=complaint):
        await sums(restored, target, Handler(), clock=manual_time).run()
    projection = Projection("sums", restored, insert, target, reset=empty)
    await projection.rebuild()
    await projection.run_once()
    assert target.rows == [1, 2]


async def test_deleted_events_are_no_reason_to_refuse_an_offset(
    store: FailingStore, journal: StoreJournal, target: Database
) -> None:
    await deposit(journal, "a", 1, 2, 3)
    projection = sums(journal, target, Handler(failures=0))
    await projection.run_once()
    await store.delete_events("a", 3)
    assert await projection.run_once() == 0
