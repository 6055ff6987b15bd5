"""What a journal raises is a failed write or read, be it a cancellation of its own or no `Exception` at all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, override

import pytest
from casty import ActorSystem, JournalError, SnapshotEvery
from casty.interruption import interrupts
from casty.journal import PersistedEvent, Snapshot, StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.writer import JournalWriter
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.fakes import Outcomes, SteeredStore, event
from tests.core.persistence.ledger import Add, HandJournal, adding, ledger


class Signal(BaseException):
    """Another library's, not meant for those who catch `Exception`."""


STRANGE = [asyncio.CancelledError, Signal, lambda: BaseExceptionGroup("two", [Signal(), ValueError()])]


@pytest.fixture(params=STRANGE, ids=["cancelled", "signal", "group"])
def strange(request: pytest.FixtureRequest) -> BaseException:
    return request.param()


class StrangeJournal(HandJournal):
    """Raises `failure` once, in the method `at`."""

    def __init__(self, at: str, failure: BaseException) -> None:
        super().__init__()
        self.at = at
        self.failure = failure

    def _meet(self, method: str) -> None:
        if method == self.at:
            self.at = ""
            raise self.failure

    @override
    async def persist(self, entity_id: str, events: Any) -> None:
        self._meet("persist")
        await super().persist(entity_id, events)

    @override
    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        self._meet("load")
        return await super().load(entity_id, from_sequence_nr)

    @override
    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        self._meet("load_snapshot")
        return await super().load_snapshot(entity_id)

    @override
    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
        self._meet("save_snapshot")
        await super().save_snapshot(entity_id, snapshot)


async def test_a_strange_failure_of_a_write_acknowledges_nothing_and_leaves_no_gap(
    system: ActorSystem, clock: ManualClock, strange: BaseException
) -> None:
    journal, probe = StrangeJournal("persist", strange), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    ref.tell(Add("a", probe.ref))
    await settle()
    ref.tell(Add("b", probe.ref))
    await clock.advance(1)
    assert await probe.receive_all() == ["b"]
    assert [(stored.sequence_nr, stored.event) for stored in journal.events] == [(1, "b")]


@pytest.mark.parametrize("at", ["load", "load_snapshot"])
async def test_a_strange_failure_of_a_read_is_tried_again(
    system: ActorSystem, clock: ManualClock, at: str, strange: BaseException
) -> None:
    ref = system.spawn(ledger(StrangeJournal(at, strange)))
    asking = asyncio.ensure_future(system.ask(ref, adding("a")))
    await clock.advance(1)
    assert await asking == "a"


async def test_a_strange_failure_of_a_snapshot_is_no_failure_of_the_actor(
    system: ActorSystem, caplog: pytest.LogCaptureFixture, strange: BaseException
) -> None:
    journal = StrangeJournal("save_snapshot", strange)
    ref = system.spawn(ledger(journal, snapshots=SnapshotEvery(1)))
    assert await system.ask(ref, adding("a")) == "a"
    assert await system.ask(ref, adding("b")) == "ab"
    await settle()
    assert [snapshot.sequence_nr for snapshot in journal.snapshots] == [2]
    assert "could not be saved" in caplog.text


async def test_a_strange_failure_of_a_store_settles_its_batch_and_the_next_one_is_stored(
    strange: BaseException,
) -> None:
    class StrangeStore(SteeredStore):
        @override
        async def append(self, groups: Any) -> Any:
            if len(self.batches) == 0:
                self.batches.append(groups)
                raise strange
            return await super().append(groups)

    store, outcomes = StrangeStore(), Outcomes()
    writer = JournalWriter(store)
    writer.submit([event("a", 1)], outcomes.of("first"))
    await writer.drain()
    writer.submit([event("a", 1)], outcomes.of("second"))
    await writer.drain()
    assert isinstance(outcomes.told["first"], JournalError)
    assert outcomes.told["second"] is None


@pytest.mark.parametrize("nonsense", [None, 7, [], [True], ["stored"], [JournalError]])
async def test_a_store_that_returns_nonsense_has_stored_nothing(nonsense: Any) -> None:
    class Nonsense(MemoryStore):
        @override
        async def append(self, groups: Any) -> Any:
            return nonsense

    outcomes = Outcomes()
    writer = JournalWriter(Nonsense())
    writer.submit([event("a", 1)], outcomes.of("first"))
    await writer.drain()
    assert isinstance(outcomes.told["first"], JournalError)
    assert not writer.busy


async def test_a_journal_that_does_not_open_for_a_strange_reason_says_so_and_opens_later(
    strange: BaseException,
) -> None:
    failures = [strange]

    @asynccontextmanager
    async def opening() -> AsyncGenerator[MemoryStore]:
        if failures:
            raise failures.pop()
        yield MemoryStore()

    journal = StoreJournal(opening, capabilities=CAPABILITIES)
    with pytest.raises(JournalError, match="the journal did not open"):
        await journal.open()
    assert await journal.load("a") == []
    await journal.aclose()


async def test_a_plain_write_that_is_cancelled_with_its_loop_acknowledges_nothing(
    system: ActorSystem, clock: ManualClock, journal: HandJournal
) -> None:
    probe = TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    ref.tell(Add("a", probe.ref))
    await settle()
    (writing,) = [task for task in asyncio.all_tasks() if "PlainLog._write" in repr(task)]
    writing.cancel()
    await settle()
    assert await probe.receive_all() == []
    ref.tell(Add("b", probe.ref))
    await clock.advance(1)
    journal.writes[-1].release()
    assert await probe.receive() == "b"
    assert [stored.sequence_nr for stored in journal.events] == [1]


async def test_only_a_cancellation_of_the_running_task_interrupts() -> None:
    seen = list[bool]()

    async def cancelled() -> None:
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError as error:
            seen.append(interrupts(error))

    task = asyncio.ensure_future(cancelled())
    await settle()
    task.cancel()
    await task
    assert seen == [True]
    assert not interrupts(asyncio.CancelledError())
    assert not interrupts(Signal())
    assert all(interrupts(ending()) for ending in (KeyboardInterrupt, SystemExit, GeneratorExit))
    asyncio.get_running_loop().call_soon(lambda: seen.append(interrupts(asyncio.CancelledError())))
    await settle()
    assert seen == [True, False]
