"""During an outage of the journal, asks fail immediately, and tells wait for its return."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, override

import pytest
from casty import ActorRef, ActorSystem, JournalUnavailableError, OneForOneStrategy
from casty.behaviors.factory import Behaviors
from casty.errors import ActorStoppedError, JournalSetupError
from casty.journal import StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.fakes import SteeredStore
from tests.core.persistence.ledger import Add, HandJournal, adding, ledger

AWAY = JournalUnavailableError("the circuit breaker is open")


class AwayStore(SteeredStore):
    """Is away while `failure` is set, for readers as well."""

    @override
    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> Any:
        if self.failure is not None:
            raise self.failure
        return await super().load_snapshot(entity_id, to_sequence_nr)


def journal_over(store: MemoryStore) -> StoreJournal:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[MemoryStore]:
        yield store

    return StoreJournal(opened, capabilities=CAPABILITIES)


async def ask(system: ActorSystem, ref: ActorRef[Add], text: str) -> str:
    """An ask that must not need any time to fail: the clock stands still."""
    return await system.ask(ref, adding(text))


async def test_a_command_whose_write_meets_an_outage_fails_its_ask(system: ActorSystem, clock: ManualClock) -> None:
    store = AwayStore()
    ref = system.spawn(ledger(journal_over(store)))
    assert await ask(system, ref, "a") == "a"
    store.failure = AWAY
    with pytest.raises(JournalUnavailableError, match="the circuit breaker is open"):
        await ask(system, ref, "b")


async def test_asks_during_an_outage_fail_at_once_and_tells_outlive_it(system: ActorSystem, clock: ManualClock) -> None:
    store, probe = AwayStore(), TestProbe[str](system)
    store.failure = AWAY
    ref = system.spawn(ledger(journal_over(store)))
    waiting = asyncio.ensure_future(ask(system, ref, "asked"))
    ref.tell(Add("told", probe.ref))
    await settle()
    with pytest.raises(JournalUnavailableError, match="its journal is away, and the command is not run"):
        await waiting
    for _ in range(3):  # while it waits, and again at each try
        with pytest.raises(JournalUnavailableError):
            await ask(system, ref, "asked later")
        ref.tell(Add("-", probe.ref))
        await clock.advance(10)
    store.failure = None
    await clock.advance(10)
    assert (await probe.receive_all())[-1] == "told---"
    ref.tell(Add("?", probe.ref))
    assert await ask(system, ref, "!") == "told---?!", "an ask of an actor that is busy again"


async def test_an_ask_of_an_actor_that_is_just_trying_fails_at_once_as_well(
    system: ActorSystem, clock: ManualClock
) -> None:
    trying, go_on = asyncio.Event(), asyncio.Event()

    class Slow(AwayStore):
        @override
        async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> Any:
            if self.failure is None:
                trying.set()
                await go_on.wait()
            return await super().load_snapshot(entity_id, to_sequence_nr)

    store = Slow()
    store.failure = AWAY
    ref = system.spawn(ledger(journal_over(store)))
    await settle()
    store.failure = None
    await clock.advance(10)
    await trying.wait()
    with pytest.raises(JournalUnavailableError):
        await ask(system, ref, "a")
    go_on.set()
    await settle()
    assert await ask(system, ref, "b") == "b"


async def test_two_failed_reads_of_a_journal_that_says_nothing_are_waited_out(
    system: ActorSystem, clock: ManualClock
) -> None:
    ref = system.spawn(ledger(HandJournal(broken_loads=2)))
    waiting = asyncio.ensure_future(ask(system, ref, "a"))
    await clock.advance(1)
    assert await waiting == "a"


async def test_several_failed_reads_of_such_a_journal_are_an_outage(system: ActorSystem, clock: ManualClock) -> None:
    ref = system.spawn(ledger(HandJournal(broken_loads=100)))
    waiting = asyncio.ensure_future(ask(system, ref, "a"))
    await clock.advance(1)
    with pytest.raises(JournalUnavailableError, match=r"failed 3 times in a row: .*the journal is away"):
        await waiting


async def test_a_journal_that_is_not_set_up_is_no_outage_and_not_tried_again(
    system: ActorSystem, clock: ManualClock
) -> None:
    openings = 0

    @asynccontextmanager
    async def opening() -> AsyncGenerator[MemoryStore]:
        nonlocal openings
        openings += 1
        raise JournalSetupError("no such database")
        yield

    journal = StoreJournal(opening, capabilities=CAPABILITIES)
    ref = system.spawn(ledger(journal))
    with pytest.raises(ActorStoppedError):
        await ask(system, ref, "a")
    await clock.advance(600)
    assert openings == 1
    system.spawn(Behaviors.supervise(ledger(journal, entity_id="b"), OneForOneStrategy(max_restarts=2)))
    await settle()
    assert openings == 1 + 3
