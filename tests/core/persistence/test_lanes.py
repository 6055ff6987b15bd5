"""Several appends at a time: never two with the same entity, and everything that holds for one holds for each."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import override

import pytest
from casty.errors import JournalClosedError, JournalError, JournalOverloadedError, SequenceConflictError
from casty.journals.memory import CAPABILITIES
from casty.persistence import writer as writers
from casty.persistence.pace import Pace
from casty.persistence.writer import BATCH_BYTES, BATCH_EVENTS, FEW, JournalWriter
from casty.spi.journal import AppendGroup, AppendOutcome, JournalCapabilities
from casty.testing import settle

from tests.core.persistence.fakes import Outcomes, TwoAppendsStore, TwoLanes, event


class Append:
    """An append that waits for its test."""

    def __init__(self, groups: Sequence[AppendGroup]) -> None:
        self.entities = [group[0].entity_id for group in groups]
        self.events = sum(map(len, groups))
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finish(self) -> None:
        if not self.outcome.done():
            self.outcome.set_result(None)

    def fail(self, error: Exception) -> None:
        self.outcome.set_exception(error)


class HandStore(TwoAppendsStore):
    """Supports two appends at a time, and ends each on request."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: list[Append] = []
        self.sizes: list[int] = []
        self.arrived = asyncio.Event()

    @override
    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        append = Append(groups)
        entities = [entity for other in self.under_way for entity in other.entities]
        assert not {*entities} & {*append.entities}, "two appends at a time hold events of one entity"
        self.under_way.append(append)
        self.sizes.append(len(groups))
        self.arrived.set()
        try:
            await append.outcome
        finally:
            self.under_way.remove(append)
        return await super().append(groups)

    async def next(self) -> Append:
        """The append that begins from now on, or has begun since the last one was asked for."""
        await self.arrived.wait()
        self.arrived.clear()
        return self.under_way[-1]

    async def finish_all(self, writer: JournalWriter) -> None:
        while writer.busy:
            for append in [*self.under_way]:
                append.finish()
            await asyncio.sleep(0)


@pytest.fixture
def store() -> HandStore:
    return HandStore()


@pytest.fixture
async def writer(store: HandStore, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[JournalWriter]:
    monkeypatch.setattr(writers, "Pace", TwoLanes)
    made = JournalWriter(store)
    yield made
    await store.finish_all(made)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


async def test_what_arrives_during_an_append_is_stored_beside_it(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a"))
    slow = await store.next()
    writer.submit([event("b", 1)], outcomes.of("b"))
    writer.submit([event("c", 1)], outcomes.of("c"))
    beside = await store.next()
    assert (slow.entities, beside.entities) == (["a"], ["b", "c"])
    writer.submit([event("d", 1)], outcomes.of("d"))
    beside.finish()
    third = await store.next()
    assert third.entities == ["d"]
    assert outcomes.told == dict.fromkeys("bc")
    slow.finish()
    third.finish()
    await writer.drain()
    assert outcomes.told == dict.fromkeys("abcd")


async def test_a_crowd_is_divided_and_a_few_are_not(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    for number in range(FEW):
        writer.submit([event(f"few {number}", 1)], outcomes.of(f"few {number}"))
    await store.finish_all(writer)
    assert store.sizes == [FEW]
    for number in range(100):
        writer.submit([event(f"many {number}", 1)], outcomes.of(f"many {number}"))
    await store.finish_all(writer)
    assert store.sizes == [FEW, 50, 50]
    assert set(outcomes.told.values()) == {None}


async def test_what_follows_an_event_waits_until_that_is_stored(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a1"))
    first = await store.next()
    writer.submit([event("a", 2)], outcomes.of("a2"))
    writer.submit([event("b", 1)], outcomes.of("b1"))
    writer.submit([event("a", 3)], outcomes.of("a3"))
    beside = await store.next()
    assert beside.entities == ["b"]
    beside.finish()
    first.finish()
    assert (await store.next()).entities == ["a", "a"]
    await store.finish_all(writer)
    assert outcomes.told == dict.fromkeys(["a1", "a2", "a3", "b1"])
    assert [record.sequence_nr for record in await store.replay("a", 1, 9, 9)] == [1, 2, 3]


async def test_what_waits_keeps_its_order_when_others_pass_it(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a1"))
    await store.next()
    writer.submit([event("a", 2)], outcomes.of("a2"))
    writer.submit([event("b", 1, bytes(BATCH_BYTES))], outcomes.of("as large as a batch"))
    writer.submit([event("c", 1)], outcomes.of("c1"))
    writer.submit([event("a", 3)], outcomes.of("a3"))
    assert (await store.next()).entities == ["b"]
    await store.finish_all(writer)
    assert set(outcomes.told.values()) == {None}
    assert await store.highest_sequence_nr("a") == 3


async def test_a_lane_is_opened_for_what_waits_already(
    store: HandStore, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneThenTwo(Pace):
        @override
        def stored(self, events: int, now: float) -> None:
            self.lanes = 2

    monkeypatch.setattr(writers, "Pace", OneThenTwo)
    writer = JournalWriter(store)
    for number in range(100 + 1):
        writer.submit([event(f"e{number}", 1)], outcomes.of(str(number)))
        if number == 0:
            first = await store.next()
            first.finish()
    await store.next()
    await settle()
    assert [len(append.entities) for append in store.under_way] == [50, 50]
    await store.finish_all(writer)


async def test_a_refusal_reaches_what_waits_behind_it_and_nothing_of_the_other_lane(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 7)], outcomes.of("gap"))
    bad = await store.next()
    writer.submit([event("b", 1)], outcomes.of("b1"))
    good = await store.next()
    writer.submit([event("a", 1)], outcomes.of("behind the gap"))
    writer.submit([event("b", 2)], outcomes.of("b2"))
    bad.finish()
    # Another writer's event would fit under the number, and is no part of what was decided on top.
    writer.submit([event("a", 1, writer="other")], outcomes.of("another's"))
    other = await store.next()
    assert isinstance(outcomes.told["gap"], SequenceConflictError)
    assert isinstance(outcomes.told["behind the gap"], SequenceConflictError)
    assert other.entities == ["a"]
    assert outcomes.told.keys() == {"gap", "behind the gap"}
    other.finish()
    good.finish()
    await store.finish_all(writer)
    assert [outcomes.told[name] for name in ("b1", "b2", "another's")] == [None] * 3


async def test_an_append_that_fails_takes_no_other_one_with_it(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a1"))
    failing = await store.next()
    writer.submit([event("b", 1)], outcomes.of("b1"))
    good = await store.next()
    writer.submit([event("a", 2)], outcomes.of("a2"))
    error = JournalError("the connection is lost")
    failing.fail(error)
    good.finish()
    await store.finish_all(writer)
    assert outcomes.told == {"a1": error, "a2": error, "b1": None}


async def test_what_is_being_stored_takes_no_more_in_either_lane(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    stored = [writer.submit([event("a", 1)], outcomes.of("a1"))]
    await store.next()
    stored.append(writer.submit([event("b", 1)], outcomes.of("b1")))
    await store.next()
    for write in stored:
        assert not writer.join(write, [event(write.entity_id, 2)], 1)
    waiting = writer.submit([event("a", 2)], outcomes.of("a2 and a3"))
    assert writer.join(waiting, [event("a", 3)], 1)
    await store.finish_all(writer)
    assert outcomes.told == dict.fromkeys(["a1", "b1", "a2 and a3"])
    assert await store.highest_sequence_nr("a") == 3


async def test_a_busy_entity_keeps_no_other_waiting(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("busy", 1)], outcomes.of("busy 1"))
    await store.next()
    for number in range(2, BATCH_EVENTS):
        writer.submit([event("busy", number)], outcomes.of(f"busy {number}"))
    writer.submit([event("idle", 1)], outcomes.of("idle"))
    assert (await store.next()).entities == ["idle"]
    await store.finish_all(writer)
    assert set(outcomes.told.values()) == {None}
    assert len(outcomes.told) == BATCH_EVENTS


async def test_what_is_in_both_lanes_does_not_count_as_waiting(store: HandStore, outcomes: Outcomes) -> None:
    writer = JournalWriter(store, capacity=1)
    for entity in "ab":
        writer.submit([event(entity, 1)], outcomes.of(entity))
        if entity == "a":
            await store.next()
    with pytest.raises(JournalOverloadedError, match="1 writes with 1 bytes are waiting"):
        writer.submit([event("c", 1)], outcomes.of("c"))
    await store.finish_all(writer)
    assert outcomes.told == dict.fromkeys("ab")


async def test_close_and_drain_wait_for_both(store: HandStore, writer: JournalWriter, outcomes: Outcomes) -> None:
    writer.submit([event("a", 1)], outcomes.of("a"))
    first = await store.next()
    writer.submit([event("b", 1)], outcomes.of("b"))
    second = await store.next()
    writer.submit([event("a", 2)], outcomes.of("a2"))
    closing = asyncio.ensure_future(writer.close())
    draining = asyncio.ensure_future(writer.drain())
    second.finish()
    await settle()
    assert outcomes.told == {"b": None}
    with pytest.raises(JournalClosedError):
        writer.submit([event("c", 1)], outcomes.of("c"))
    assert not closing.done()
    assert not draining.done()
    first.finish()
    (await store.next()).finish()
    await asyncio.gather(closing, draining)
    assert outcomes.told == dict.fromkeys(["a", "b", "a2"])


def lanes() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "casty-journal-writer"]


async def test_of_two_lanes_one_may_be_cancelled_and_the_other_stores_what_waits(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a"))
    await store.next()
    (doomed,) = lanes()
    writer.submit([event("b", 1)], outcomes.of("b"))
    await store.next()
    writer.submit([event("a", 2)], outcomes.of("behind"))
    writer.submit([event("c", 1)], outcomes.of("c"))
    doomed.cancel()
    await asyncio.wait([doomed])
    assert "unknown" in str(outcomes.told["a"])
    assert outcomes.told["behind"] is outcomes.told["a"]
    await store.finish_all(writer)
    assert outcomes.told["b"] is outcomes.told["c"] is None


async def test_if_both_are_cancelled_every_caller_gets_an_error(
    store: HandStore, writer: JournalWriter, outcomes: Outcomes
) -> None:
    for entity in "ab":
        writer.submit([event(entity, 1)], outcomes.of(entity))
        await store.next()
    writer.submit([event("c", 1)], outcomes.of("c"))
    doomed = lanes()
    for lane in doomed:
        lane.cancel()
    await asyncio.wait(doomed)
    assert not writer.busy
    assert "unknown" in str(outcomes.told["a"])
    assert "unknown" in str(outcomes.told["b"])
    assert isinstance(outcomes.told["c"], JournalClosedError)


async def test_a_lane_that_is_cancelled_before_it_starts_leaves_no_caller_waiting(
    writer: JournalWriter, outcomes: Outcomes
) -> None:
    writer.submit([event("a", 1)], outcomes.of("a"))
    for lane in lanes():
        lane.cancel()
    await writer.drain()
    assert isinstance(outcomes.told["a"], JournalClosedError)


async def test_a_store_that_bears_one_append_gets_one(outcomes: Outcomes) -> None:
    class OneAtATime(HandStore):
        @property
        @override
        def capabilities(self) -> JournalCapabilities:
            return CAPABILITIES

    store = OneAtATime()
    writer = JournalWriter(store)
    for number in range(100):
        writer.submit([event(f"e{number}", 1)], outcomes.of(str(number)))
        await asyncio.sleep(0)
        assert len(store.under_way) <= 1
    await store.finish_all(writer)
    assert set(outcomes.told.values()) == {None}


async def test_before_anything_is_known_there_is_one_append_at_a_time(store: HandStore, outcomes: Outcomes) -> None:
    writer = JournalWriter(store)
    for number in range(100):
        writer.submit([event(f"e{number}", 1)], outcomes.of(str(number)))
    assert len((await store.next()).entities) == 100
    await store.finish_all(writer)
