"""The disk of one life of a copy: in order, in few commits, and at an end when a change cannot be stored."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, override

import pytest
from casty.spi.event_journal import EventJournal, PersistedEvent
from casty_cluster.protocol.replication.effects import Load, Store
from casty_cluster.protocol.replication.inputs import Loaded, Stored, StoreFailed
from casty_cluster.protocol.replication.stored import StoreEntries, StorePromise
from casty_cluster.replication import copy_store, generation
from casty_cluster.replication.copy_disk import CopyDisk
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.replication import Entry, Epoch, Fetch, Fetched

from tests.cluster.replication.journals import FailingAtACall, Stranger, UnreliableJournal
from tests.cluster.system.waiting import until

E1 = Epoch(1, 7)


class Life:
    """A disk that runs, and the reports that have come."""

    def __init__(self, journal: EventJournal) -> None:
        self.store = CopyStore(journal, "a", lambda: 0.0, SegmentCache())
        self.reports: asyncio.Queue[Stored | StoreFailed | Loaded] = asyncio.Queue()
        self.disk = CopyDisk(self.store, self.reports.put_nowait)
        self.numbers = iter(range(1, 1_000))

    def store_event(self) -> int:
        """Ask for one more event of x. Returns the number of the change."""
        number = next(self.numbers)
        self.disk.ask(Store(number, StoreEntries("x", number - 1, (Entry(E1, b"e"),))))
        return number


@asynccontextmanager
async def living(journal: EventJournal) -> AsyncGenerator[tuple[Life, asyncio.Task[None]]]:
    life = Life(journal)
    await life.store.open()
    task = asyncio.create_task(life.disk.run())
    yield life, task
    life.disk.stop()
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def journal() -> UnreliableJournal:
    return UnreliableJournal()


async def test_what_comes_in_during_a_commit_is_stored_together_afterwards(journal: UnreliableJournal) -> None:
    journal.held = asyncio.Event()
    async with living(journal) as (life, _):
        life.store_event()
        await journal.is_called.wait()
        for _ in range(5):
            life.store_event()
        journal.held.set()
        assert [await life.reports.get(), await life.reports.get()] == [Stored(1), Stored(6)]
        assert journal.commits == [1, 5]


async def test_a_read_sees_all_changes_that_were_asked_for_before_and_none_after(journal: UnreliableJournal) -> None:
    async with living(journal) as (life, _):
        life.store_event()
        life.store_event()
        life.disk.ask(Load("b", Fetch(E1, "x", 0)))
        life.store_event()
        assert await life.reports.get() == Stored(2)
        loaded = await life.reports.get()
        assert isinstance(loaded, Loaded)
        assert isinstance(loaded.fetched, Fetched)
        assert (loaded.to, len(loaded.fetched.entries)) == ("b", 2)
        assert await life.reports.get() == Stored(3)


@pytest.mark.parametrize("error", [OSError("no space left on device"), Stranger("?"), asyncio.CancelledError()])
async def test_a_change_that_cannot_be_stored_ends_the_life(journal: UnreliableJournal, error: BaseException) -> None:
    journal.before = error
    async with living(journal) as (life, task):
        first = life.store_event()
        life.store_event()
        report = await life.reports.get()
        assert isinstance(report, StoreFailed)
        assert report.number == first
        assert type(error).__name__ in report.reason
        await task
        journal.heal()
        life.store_event()
        assert life.reports.empty()
    assert (await life.store.open()).histories == {}


@pytest.mark.parametrize("error", [OSError("input/output error"), Stranger("?")])
async def test_a_read_that_fails_is_logged_and_the_disk_goes_on(
    journal: UnreliableJournal, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    async with living(journal) as (life, _):
        life.store_event()
        await life.reports.get()
        journal.unreadable = error
        life.disk.ask(Load("b", Fetch(E1, "x", 0)))
        life.store_event()
        assert await life.reports.get() == Stored(2)
        assert "events of 'x' behind number 0 cannot be read for copy b" in caplog.text


async def test_a_journal_that_swallows_the_cancellation_does_not_keep_it_running(journal: UnreliableJournal) -> None:
    journal.held = asyncio.Event()
    async with living(journal) as (life, task):
        life.store_event()
        await journal.is_called.wait()
    assert task.done()
    assert (await life.store.open()).histories["x"].last == 1


async def test_a_promise_is_reported_when_it_is_in_the_journal(journal: UnreliableJournal) -> None:
    journal.held = asyncio.Event()
    async with living(journal) as (life, _):
        life.disk.ask(Store(1, StorePromise(E1)))
        await journal.is_called.wait()
        assert life.reports.empty()
        journal.held.set()
        assert await life.reports.get() == Stored(1)
    assert (await life.store.open()).promised == E1


# What is superseded


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compaction as soon as there is anything to remove, in many parts."""
    monkeypatch.setattr(generation, "SEGMENT", 4)
    monkeypatch.setattr(copy_store, "SLACK", 1_000)


@pytest.mark.usefixtures("small")
async def test_what_is_superseded_is_removed_while_nothing_is_asked_for() -> None:
    journal = FailingAtACall()
    async with living(journal) as (life, _):
        for number in range(1, 101):
            life.disk.ask(Store(number, StorePromise(Epoch(number, 7))))
        while await life.reports.get() != Stored(100):
            pass
        await until(lambda: not life.store.is_untidy)
        assert sum((await journal.records()).values()) < 20
    assert (await life.store.open()).promised == Epoch(100, 7)


@pytest.mark.usefixtures("small")
async def test_changes_are_stored_between_the_parts_of_a_compaction() -> None:
    journal = FailingAtACall()
    async with living(journal) as (life, _):
        for number in range(1, 201):
            life.disk.ask(Store(number, StorePromise(Epoch(number, 7))))
        await until(lambda: life.store._compaction is not None)
        compaction = life.store._compaction
        life.disk.ask(Store(201, StorePromise(Epoch(201, 7))))
        while await life.reports.get() != Stored(201):
            pass
        assert life.store._compaction is compaction, "it is still under way"
        await until(lambda: not life.store.is_untidy)
    assert (await life.store.open()).promised == Epoch(201, 7)


@pytest.mark.usefixtures("small")
async def test_the_life_ends_where_it_is_not_known_whether_the_next_generation_has_followed() -> None:
    class Late(FailingAtACall):
        @override
        async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
            await super().persist(entity_id, events)
            if events[0].event[0] == "continued":
                raise OSError("the reply was lost")

    async with living(Late()) as (life, task):
        for number in range(1, 51):
            life.disk.ask(Store(number, StorePromise(Epoch(number, 7))))
        await task
        reports = [life.reports.get_nowait() for _ in range(life.reports.qsize())]
        assert reports[-1] == StoreFailed(50, "OSError('the reply was lost')")
    assert (await life.store.open()).promised == Epoch(50, 7)
