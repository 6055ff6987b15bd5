"""Group commit: batches form without a delay, groups are independent, and every callback is called exactly once."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import override

import pytest
from casty.errors import JournalClosedError, JournalError, JournalOverloadedError, SequenceConflictError
from casty.journals.memory import MemoryStore
from casty.persistence.writer import BATCH_EVENTS, JournalWriter
from casty.spi.journal import AppendGroup, AppendOutcome

from tests.core.persistence.fakes import Outcomes, SteeredStore, event


@pytest.fixture
def store() -> SteeredStore:
    return SteeredStore()


@pytest.fixture
def writer(store: SteeredStore) -> JournalWriter:
    return JournalWriter(store)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


async def test_done_is_called_after_the_append_and_never_within_submit(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a1"))
    assert outcomes.told == {}
    await writer.drain()
    assert outcomes.told == {"a1": None}
    assert await store.highest_sequence_nr("a") == 1


async def test_done_is_not_called_within_submit_under_an_eager_task_factory(
    writer: JournalWriter, outcomes: Outcomes
) -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    writer.submit([event("a", 1)], outcomes.of("a1"))
    assert outcomes.told == {}
    await writer.drain()
    assert outcomes.told == {"a1": None}


async def test_what_arrives_during_an_append_is_the_next_batch(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    store.gate.clear()
    writer.submit([event("a", 1)], outcomes.of("a1"))
    await store.started.wait()
    for entity in "bcd":
        writer.submit([event(entity, 1)], outcomes.of(entity))
    assert outcomes.told == {}
    store.gate.set()
    await writer.drain()
    assert [len(batch) for batch in store.batches] == [1, 3]
    assert outcomes.told == dict.fromkeys(["a1", "b", "c", "d"])


async def test_batches_end_at_a_thousand_events(store: SteeredStore, writer: JournalWriter) -> None:
    outcomes = Outcomes()
    for number in range(1, 2 * BATCH_EVENTS + 2):
        writer.submit([event("a", number)], outcomes.of(str(number)))
    await writer.drain()
    assert [len(batch) for batch in store.batches] == [BATCH_EVENTS, BATCH_EVENTS, 1]
    assert set(outcomes.told.values()) == {None}


async def test_batches_end_at_a_mebibyte_but_hold_at_least_one_group(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    for number, size in enumerate([400_000, 400_000, 400_000, 2_000_000, 10], 1):
        writer.submit([event("a", number, bytes(size))], outcomes.of(str(number)))
    await writer.drain()
    assert [len(batch) for batch in store.batches] == [2, 1, 1, 1]


async def test_a_bad_group_fails_alone(writer: JournalWriter, outcomes: Outcomes) -> None:
    writer.submit([event("a", 1)], outcomes.of("good"))
    writer.submit([event("b", 7)], outcomes.of("gap"))
    writer.submit([event("a", 1, writer="late")], outcomes.of("conflict"))
    writer.submit([event("a", 2, writer="other")], outcomes.of("next"))
    await writer.drain()
    assert outcomes.told["good"] is outcomes.told["next"] is None
    assert isinstance(outcomes.told["gap"], SequenceConflictError)
    assert isinstance(outcomes.told["conflict"], SequenceConflictError)


async def test_a_failing_store_fails_its_batch_and_not_the_next(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    store.failure = OSError("no route to disk")
    writer.submit([event("a", 1)], outcomes.of("a"))
    writer.submit([event("b", 1)], outcomes.of("b"))
    await writer.drain()
    for error in outcomes.told.values():
        assert isinstance(error, JournalError)
        assert error.__cause__ is store.failure
    store.failure = None
    writer.submit([event("a", 1)], outcomes.of("again"))
    await writer.drain()
    assert outcomes.told["again"] is None


async def test_the_stores_own_error_is_passed_on_as_it_is(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    store.failure = JournalError("the disk is full")
    writer.submit([event("a", 1)], outcomes.of("a"))
    await writer.drain()
    assert outcomes.told["a"] is store.failure


async def test_a_store_that_answers_too_few_outcomes_fails_the_batch(outcomes: Outcomes) -> None:
    class Forgetful(SteeredStore):
        @override
        async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
            return [None]

    writer = JournalWriter(Forgetful())
    writer.submit([event("a", 1)], outcomes.of("a"))
    writer.submit([event("b", 1)], outcomes.of("b"))
    await writer.drain()
    assert [type(error) for error in outcomes.told.values()] == [JournalError, JournalError]


async def test_a_full_queue_refuses_and_takes_again_once_there_is_room(store: SteeredStore, outcomes: Outcomes) -> None:
    writer = JournalWriter(store, capacity=2)
    writer.submit([event("a", 1)], outcomes.of("a"))
    writer.submit([event("b", 1)], outcomes.of("b"))
    with pytest.raises(JournalOverloadedError, match="2 writes with 2 bytes are waiting"):
        writer.submit([event("c", 1)], outcomes.of("c"))
    await writer.drain()
    writer.submit([event("d", 1)], outcomes.of("d"))
    await writer.drain()
    assert outcomes.told == dict.fromkeys("abd")


async def test_so_many_bytes_refuse_as_well_and_make_room_when_they_are_taken(
    store: SteeredStore, outcomes: Outcomes
) -> None:
    writer = JournalWriter(store, capacity_bytes=1_000)
    for number, entity in enumerate("ab", 1):
        writer.submit([event(entity, 1, bytes(400 * number - 200))], outcomes.of(entity))
    with pytest.raises(JournalOverloadedError) as refusal:
        writer.submit([event("c", 1, bytes(201))], outcomes.of("c"))
    assert str(refusal.value) == (
        "2 writes with 800 bytes are waiting for the journal, which holds 10000 with 1,000 bytes and has no room for "
        "201 bytes more; send fewer commands at once, or smaller events, or use a faster journal"
    )
    writer.submit([event("d", 1, bytes(200))], outcomes.of("d"))
    await writer.drain()
    writer.submit([event("e", 1, bytes(1_000))], outcomes.of("e"))
    await writer.drain()
    assert outcomes.told == dict.fromkeys("abde")


async def test_what_is_larger_than_all_that_may_wait_is_stored_where_nothing_waits(
    store: SteeredStore, outcomes: Outcomes
) -> None:
    writer = JournalWriter(store, capacity_bytes=1_000)
    writer.submit([event("a", 1, bytes(5_000))], outcomes.of("a"))
    with pytest.raises(JournalOverloadedError, match="1 writes with 5,000 bytes are waiting"):
        writer.submit([event("b", 1)], outcomes.of("b"))
    await writer.drain()
    assert outcomes.told == {"a": None}


async def test_what_is_refused_behind_another_makes_room(outcomes: Outcomes) -> None:
    store = SteeredStore()
    writer = JournalWriter(store, capacity_bytes=2_000)
    store.failure = JournalError("the disk is full")
    writer.submit([event("a", number) for number in range(1, BATCH_EVENTS + 1)], outcomes.of("a1"))
    writer.submit([event("a", BATCH_EVENTS + 1, bytes(1_000))], outcomes.of("behind"))
    await writer.drain()
    assert set(outcomes.told.values()) == {store.failure}
    store.failure = None
    for entity in "bc":
        writer.submit([event(entity, 1, bytes(1_000))], outcomes.of(entity))
    await writer.drain()
    assert outcomes.told["b"] is outcomes.told["c"] is None


async def test_close_stores_what_is_queued_and_refuses_what_comes_later(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    store.gate.clear()
    writer.submit([event("a", 1)], outcomes.of("in flight"))
    await store.started.wait()
    writer.submit([event("a", 2)], outcomes.of("queued"))
    closing = asyncio.ensure_future(writer.close())
    await asyncio.sleep(0)
    with pytest.raises(JournalClosedError, match="open it again"):
        writer.submit([event("a", 3)], outcomes.of("late"))
    assert not closing.done()
    store.gate.set()
    await closing
    assert outcomes.told == {"in flight": None, "queued": None}
    assert await store.highest_sequence_nr("a") == 2


async def test_cancelling_the_flush_fails_every_caller(
    store: SteeredStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    store.gate.clear()
    writer.submit([event("a", 1)], outcomes.of("in flight"))
    await store.started.wait()
    writer.submit([event("b", 1)], outcomes.of("queued"))
    (flush,) = (task for task in asyncio.all_tasks() if task.get_name() == "casty-journal-writer")
    flush.cancel()
    await asyncio.wait([flush])
    assert "unknown" in str(outcomes.told["in flight"])
    assert isinstance(outcomes.told["queued"], JournalClosedError)
    store.gate.set()
    writer.submit([event("c", 1)], outcomes.of("later"))
    await writer.drain()
    assert outcomes.told["later"] is None


async def test_an_idle_writer_has_no_task(writer: JournalWriter, outcomes: Outcomes) -> None:
    before = asyncio.all_tasks()
    assert not writer.busy
    writer.submit([event("a", 1)], outcomes.of("a"))
    assert writer.busy
    await writer.drain()
    assert not writer.busy
    assert asyncio.all_tasks() == before


async def test_a_raising_callback_does_not_keep_the_others_waiting(
    writer: JournalWriter, outcomes: Outcomes, loop_errors: list[str]
) -> None:
    def fail(error: Exception | None) -> None:
        raise RuntimeError("a user's bug")

    writer.submit([event("a", 1)], fail)
    writer.submit([event("b", 1)], outcomes.of("b"))
    await writer.drain()
    assert outcomes.told == {"b": None}
    assert any("a user's bug" in report for report in loop_errors)


async def test_a_store_that_never_suspends_lets_the_loop_turn_between_batches(writer: JournalWriter) -> None:

    def endless(number: int) -> None:
        if number <= 50:
            writer.submit([event("a", number)], lambda error: endless(number + 1))

    endless(1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert writer.busy, "fifty batches ran without giving way to this test"
    await writer.drain()


async def test_callbacks_do_not_run_in_the_context_of_the_first_submitter(writer: JournalWriter) -> None:
    command: ContextVar[str] = ContextVar("command", default="none")
    seen: list[str] = []
    command.set("the first submitter's")
    writer.submit([event("a", 1)], lambda error: seen.append(command.get()))
    await writer.drain()
    assert seen == ["none"]


async def test_what_waits_on_top_of_a_refused_write_is_refused_as_well(outcomes: Outcomes) -> None:
    store = MemoryStore()
    await store.append([[event("a", number, writer="winner") for number in range(1, 1001)]])
    writer = JournalWriter(store)
    # As many events as a batch holds, so that what follows is in the next one: and there its number would fit.
    writer.submit([event("a", number) for number in range(1, 1001)], outcomes.of("refused"))
    writer.submit([event("a", 1001)], outcomes.of("behind"))
    writer.submit([event("a", 1001, writer="winner")], outcomes.of("neighbour"))
    await writer.close()
    assert isinstance(outcomes.told["refused"], SequenceConflictError)
    assert isinstance(outcomes.told["behind"], SequenceConflictError)
    assert outcomes.told["neighbour"] is None
    assert [record.writer for record in await store.replay("a", 1001, 9999, 10)] == ["winner"]


async def test_it_stores_only_while_an_append_is_under_way() -> None:
    """A dispatcher with work to do lets go of the interpreter then, and not while a write only waits."""
    store, outcomes = SteeredStore(), Outcomes()
    store.gate.clear()
    writer = JournalWriter(store)
    writer.submit([event("a", 1)], outcomes.of("a"))
    assert (writer.busy, writer.storing) == (True, False)
    await store.started.wait()
    assert writer.storing
    store.gate.set()
    await writer.drain()
    assert (writer.busy, writer.storing) == (False, False)
