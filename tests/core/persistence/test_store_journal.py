"""Journals as objects: opened on first use, leased, closed, opened again."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest
from casty.errors import JournalClosedError, JournalError, SequenceConflictError
from casty.journals.memory import CAPABILITIES, InMemoryJournal, MemoryStore
from casty.persistence import turns
from casty.persistence.journal import StoreJournal, deletion_in, journal_from_provider
from casty.persistence.serializers import Serializers
from casty.plugins import JournalProvider, NoOptions
from casty.spi.event_journal import EventJournal, PersistedEvent, Snapshot
from casty.spi.journal import JournalCapabilities, JournalKind

from tests.core.persistence.fakes import JsonSerializer, Outcomes, SteeredStore, event, nothing_else


class Door:
    """Opens one store again and again, and keeps count."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.opened = self.closed = 0
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[MemoryStore]:
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.opened += 1
        try:
            yield self.store
        finally:
            self.closed += 1


def made(door: Door) -> StoreJournal:
    return StoreJournal(door, capabilities=CAPABILITIES, serializer=JsonSerializer())


def deposits(*amounts: int, first: int = 1) -> list[PersistedEvent[int]]:
    return [PersistedEvent(number, amount, 1.5) for number, amount in enumerate(amounts, first)]


async def test_the_four_methods() -> None:
    journal = InMemoryJournal(serializer=JsonSerializer())
    assert isinstance(journal, EventJournal)
    assert journal.kind is JournalKind.local
    await journal.persist("a", deposits(10, 20))
    await journal.persist("a", deposits(30, first=3))
    await journal.persist("a", [])
    assert await journal.load("a") == deposits(10, 20, 30)
    assert await journal.load("a", 2) == deposits(20, 30, first=2)
    assert await journal.load("b") == []
    assert await journal.load_snapshot("a") is None
    await journal.save_snapshot("a", Snapshot(3, {"balance": 60}, 1.5))
    assert await journal.load_snapshot("a") == Snapshot(3, {"balance": 60}, 1.5)
    await journal.aclose()


async def test_a_second_writer_is_refused_and_writes_nothing() -> None:
    journal = InMemoryJournal(serializer=JsonSerializer())
    await journal.persist("a", deposits(10))
    with pytest.raises(SequenceConflictError, match="'a' cannot store an event 1: its next one is number 2"):
        await journal.persist("a", deposits(99, 100))
    assert await journal.load("a") == deposits(10)


async def test_load_reads_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PAGE", 3)
    journal = InMemoryJournal(serializer=JsonSerializer())
    await journal.persist("a", deposits(*range(9)))
    assert await journal.load("a") == deposits(*range(9))
    assert await journal.load("a", 3) == deposits(*range(2, 9), first=3)


async def test_a_snapshot_that_cannot_be_decoded_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    journal = InMemoryJournal(serializer=JsonSerializer())
    await journal.save_snapshot("a", Snapshot(1, "old", 1.5))
    await journal.save_snapshot("a", Snapshot(2, "new", 1.5))
    store = (await journal.open()).store
    damaged = await store.load_snapshot("a", 2)
    assert damaged is not None
    await store.save_snapshot(damaged._replace(payload=b"{"), 2)
    with caplog.at_level(logging.WARNING):
        assert await journal.load_snapshot("a") == Snapshot(1, "old", 1.5)
    assert "the snapshot of 'a' at event 2 cannot be read" in caplog.text


async def test_nothing_is_opened_before_the_first_use_and_then_once() -> None:
    door = Door()
    journal = made(door)
    await journal.aclose()
    assert door.opened == 0
    door.gate.clear()
    loads = [asyncio.ensure_future(journal.load("a")) for _ in range(5)]
    await asyncio.sleep(0)
    door.gate.set()
    await asyncio.gather(*loads)
    await journal.aclose()
    assert (door.opened, door.closed) == (1, 1)


async def test_a_failed_opening_raises_in_all_callers_and_may_be_tried_again() -> None:
    door = Door()
    journal = made(door)
    door.gate.clear()
    loads = [asyncio.ensure_future(journal.load("a")) for _ in range(3)]
    await asyncio.sleep(0)
    door.failure = JournalError("no such directory")
    door.gate.set()
    assert await asyncio.gather(*loads, return_exceptions=True) == [door.failure] * 3
    door.failure = None
    assert await journal.load("a") == []
    await journal.aclose()


async def test_a_cancelled_first_user_does_not_cancel_the_opening() -> None:
    door = Door()
    journal = made(door)
    door.gate.clear()
    first, second = (asyncio.ensure_future(journal.load("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    door.gate.set()
    assert await second == []
    assert door.opened == 1
    await journal.aclose()


async def test_the_last_lease_closes() -> None:
    door = Door()
    journal = made(door)
    async with journal.lease():
        async with journal.lease():
            assert await journal.load("a") == []
        assert door.closed == 0
    assert (door.opened, door.closed) == (1, 1)
    async with journal:
        assert (door.opened, door.closed) == (2, 1)
    assert (door.opened, door.closed) == (2, 2)


async def test_a_lease_is_never_of_a_store_that_another_one_has_closed_already() -> None:
    door = Door()
    journal = made(door)

    async def hold_shortly() -> None:
        async with journal.lease():
            pass

    async def hold() -> None:
        async with journal.lease() as opened:
            assert door.opened - door.closed == 1
            opened.writer.submit([event("a", 1)], Outcomes().of("a"))

    await asyncio.gather(hold_shortly(), hold())
    assert (door.opened, door.closed) == (2, 2)


async def test_aclose_goes_before_leases() -> None:
    door = Door()
    journal = made(door)
    async with journal.lease() as opened:
        await journal.aclose()
        assert door.closed == 1
        with pytest.raises(JournalClosedError):
            opened.writer.submit([event("a", 1)], Outcomes().of("a"))
        async with journal.lease():
            assert door.opened == 2
        assert door.closed == 2
    assert (door.opened, door.closed) == (2, 2)


async def test_closing_stores_what_was_submitted_and_a_new_user_waits_for_it() -> None:
    store = SteeredStore()
    door, outcomes = Door(store), Outcomes()
    journal = made(door)
    opened = await journal.open()
    store.gate.clear()
    opened.writer.submit([event("a", 1, b"1")._replace(serializer="json")], outcomes.of("a"))
    await store.started.wait()
    closing = asyncio.ensure_future(journal.aclose())
    await asyncio.sleep(0)
    loading = asyncio.ensure_future(journal.load("a"))
    await asyncio.sleep(0)
    assert (door.opened, door.closed) == (1, 0)
    store.gate.set()
    await closing
    assert outcomes.told == {"a": None}
    assert await loading == deposits(1)
    assert (door.opened, door.closed) == (2, 1)
    await journal.aclose()


async def test_a_cancelled_persist_leaves_the_journal_usable() -> None:
    store = SteeredStore()
    journal = made(Door(store))
    store.gate.clear()
    persisting = asyncio.ensure_future(journal.persist("a", deposits(1)))
    await store.started.wait()
    persisting.cancel()
    await asyncio.wait([persisting])
    store.gate.set()
    await journal.persist("a", deposits(2, first=2))
    assert await journal.load("a") == deposits(1, 2)
    await journal.aclose()


async def test_the_serializer_is_the_journals_own_or_else_the_leases() -> None:
    own, leased = JsonSerializer(), JsonSerializer()
    serializers = Serializers(leased, find=nothing_else)
    bare = InMemoryJournal()
    async with bare.lease(serializers=serializers) as opened:
        assert opened.serializers.events is leased
    async with InMemoryJournal(serializer=own).lease(serializers=serializers) as opened:
        assert opened.serializers.events is own
        assert opened.serializers.snapshots is own
    async with bare.lease() as opened:
        assert opened.serializers.events.name == "msgpack"


async def test_a_journal_from_a_provider() -> None:
    asked: list[tuple[str, object]] = []

    @asynccontextmanager
    async def open_store(url: str, options: NoOptions) -> AsyncGenerator[MemoryStore]:
        asked.append((url, options))
        yield MemoryStore()

    provider = JournalProvider(names=("fake",), open=open_store, capabilities=CAPABILITIES)
    journal = journal_from_provider(provider, "fake://x", NoOptions(), serializer=JsonSerializer())
    async with journal:
        assert await journal.load("a") == []
    assert asked == [("fake://x", NoOptions())]


def test_what_is_in_memory_outlives_the_event_loop() -> None:
    journal = InMemoryJournal(serializer=JsonSerializer())
    asyncio.run(journal.persist("a", deposits(10)))
    asyncio.run(journal.persist("a", deposits(20, first=2)))
    assert asyncio.run(journal.load("a")) == deposits(10, 20)


def test_an_event_loop_that_ends_without_closing_closes_the_store() -> None:
    door = Door()
    journal = made(door)
    asyncio.run(journal.persist("a", deposits(10)))
    assert (door.opened, door.closed) == (1, 1)
    asyncio.run(journal.aclose())
    assert (door.opened, door.closed) == (1, 1)


def test_a_journal_that_is_open_on_a_living_loop_refuses_another() -> None:
    journal = InMemoryJournal(serializer=JsonSerializer())
    with asyncio.Runner() as one, asyncio.Runner() as other:
        one.run(journal.persist("a", deposits(10)))
        with pytest.raises(JournalError, match="open on another event loop"):
            other.run(journal.load("a"))
        one.run(journal.aclose())
        assert other.run(journal.load("a")) == deposits(10)


async def test_a_journal_leads_to_aclose() -> None:
    journal: Any = InMemoryJournal()
    with pytest.raises(
        AttributeError, match=r"'InMemoryJournal' object has no attribute 'close'; .*await journal\.aclose\(\)"
    ):
        journal.close()
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        journal.nonsense()
    await journal.aclose()


async def test_the_beginning_of_a_history_can_be_deleted() -> None:
    async with InMemoryJournal() as journal:
        delete = deletion_in(journal)
        assert delete is not None
        await journal.persist("x", [PersistedEvent(number, f"event {number}", 0.0) for number in (1, 2, 3)])
        await delete("x", 2)
        assert [event.sequence_nr for event in await journal.load("x")] == [3]
        with pytest.raises(SequenceConflictError):
            await journal.persist("x", [PersistedEvent(1, "again", 0.0)])


async def test_a_store_that_deletes_nothing_says_so() -> None:
    capabilities = JournalCapabilities(durable=False)
    journal = StoreJournal(lambda: nullcontext(MemoryStore()), capabilities=capabilities)
    assert deletion_in(journal) is None
    with pytest.raises(JournalError, match="deletes nothing: it lacks `deleting`"):
        await journal.delete_events("x", 1)
    await journal.aclose()
