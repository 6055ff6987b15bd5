"""However long a history is, reading it lets the event loop have its turns."""

import asyncio
from collections.abc import Sequence
from typing import Any, override

import pytest
from casty import ActorSystem, InMemoryJournal, Projection
from casty.journal import EventEnvelope, PersistedEvent, StoreJournal
from casty.persistence import turns
from casty.persistence.turns import PAGE, PageSize, Turns
from casty.spi.journal import EventRecord, OrderedEvent

from tests.core.persistence.fakes import SteeredStore, event
from tests.core.persistence.ledger import HandJournal, adding, ledger
from tests.core.projections.fakes import journal_over


class Ticker:
    """Counts the turns of the event loop while something else runs."""

    def __init__(self) -> None:
        self.turns = 0
        self._handle = asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        self.turns += 1
        self._handle = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> int:
        self._handle.cancel()
        return self.turns


async def long_history(events: int) -> InMemoryJournal:
    journal = InMemoryJournal()
    await journal.persist("ledger", [PersistedEvent(number, "x", 1.5) for number in range(1, events + 1)])
    return journal


@pytest.fixture
def turn_after_every_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN", 0.0)


@pytest.mark.usefixtures("turn_after_every_event")
async def test_a_recovery_lets_the_loop_have_its_turns(system: ActorSystem) -> None:
    journal = await long_history(200)
    ref = system.spawn(ledger(journal))
    ticker = Ticker()
    assert len(await system.ask(ref, adding("y"))) == 201
    assert ticker.stop() >= 200


@pytest.mark.usefixtures("turn_after_every_event")
async def test_a_recovery_from_a_plain_journal_does_so_too(system: ActorSystem) -> None:
    journal = HandJournal(events=[PersistedEvent(number, "x", 1.5) for number in range(1, 201)])
    ref = system.spawn(ledger(journal))
    ticker = Ticker()
    assert len(await system.ask(ref, adding("y"))) == 201
    assert ticker.stop() >= 200


@pytest.mark.usefixtures("turn_after_every_event")
async def test_readers_let_the_loop_have_its_turns() -> None:
    journal = await long_history(200)
    ticker = Ticker()
    assert len(await journal.load("ledger")) == 200
    assert ticker.turns >= 200
    assert len([envelope async for envelope in journal.events()]) == 200
    assert ticker.stop() >= 400
    await journal.aclose()


@pytest.mark.usefixtures("turn_after_every_event")
async def test_a_projection_whose_handler_never_suspends_lets_the_loop_have_its_turns() -> None:
    async def handler(_rows: None, _envelope: EventEnvelope[Any]) -> None: ...

    journal = await long_history(200)
    ticker = Ticker()
    assert await Projection("p", journal, handler, batch_size=200).run_once() == 200
    assert ticker.stop() >= 200


async def test_work_that_is_quick_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN", 60.0)
    ticker, work = Ticker(), Turns()
    for _ in range(1_000):
        await work.end_if_due()
    assert ticker.stop() == 0


def test_pages_grow_while_their_events_are_small_and_shrink_when_they_are_large() -> None:
    size = PageSize()
    for _ in range(5):
        size.seen([event("a", 1)])
    assert size.limit == PAGE
    size.seen([event("a", 1, bytes(turns.PAGE_BYTES * 2))])
    assert size.limit == PAGE
    for _ in range(9):
        size.seen([event("a", 1, bytes(turns.PAGE_BYTES * 5))])
    assert size.limit == 1


class Asked(SteeredStore):
    """Notes how many events it was asked for at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = list[int]()

    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        self.limits.append(limit)
        return await super().replay(entity_id, from_sequence_nr, to_sequence_nr, limit)

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        self.limits.append(limit)
        return await super().read(after, limit, tags)


async def test_recovery_and_readers_begin_with_a_small_page(system: ActorSystem) -> None:
    store = Asked()
    journal: StoreJournal = journal_over(store)
    await system.ask(system.spawn(ledger(journal)), adding("a"))
    assert store.limits[0] == turns.FIRST_PAGE
    store.limits.clear()
    await journal.load("ledger")
    assert [envelope async for envelope in journal.events()]
    assert store.limits[:2] == [turns.FIRST_PAGE] * 2
