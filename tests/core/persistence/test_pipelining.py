"""Commands run on while earlier ones are being stored; what they send comes in their order, or not at all."""

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    JournalError,
)
from casty.errors import FencedError, JournalOverloadedError
from casty.journals.memory import CAPABILITIES
from casty.persistence import log
from casty.persistence.journal import StoreJournal
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.fakes import JsonSerializer, SteeredStore
from tests.core.persistence.ledger import Add, HandJournal, adding, ledger
from tests.core.runtime.probe import Events


async def test_the_next_command_runs_on_the_optimistic_state(system: ActorSystem, journal: HandJournal) -> None:
    probe, ref = TestProbe[str](system), system.spawn(ledger(journal))
    for text in "abc":
        ref.tell(Add(text, probe.ref))
        await settle()
    assert await probe.receive_all() == []
    assert [event.event for event in journal.writes[0].events] == ["a"]
    journal.writes[0].release()
    assert await probe.receive_all() == ["a"]
    assert [event.event for event in journal.writes[1].events] == ["b", "c"]
    journal.writes[1].release()
    assert await probe.receive_n(2) == ["ab", "abc"]
    assert [event.sequence_nr for event in journal.events] == [1, 2, 3]


async def test_commands_share_the_commits_of_a_store(system: ActorSystem) -> None:
    store = SteeredStore()
    store.gate.clear()
    journal = StoreJournal(lambda: nullcontext(store), capabilities=CAPABILITIES, serializer=JsonSerializer())
    probe, ref = TestProbe[str](system), system.spawn(ledger(journal))
    for text in "abcde":
        ref.tell(Add(text, probe.ref))
    assert await probe.receive_all() == []
    store.gate.set()
    assert await probe.receive_n(5) == ["a", "ab", "abc", "abcd", "abcde"]
    assert len(store.batches) < 5


async def test_a_caller_that_was_just_answered_joins_the_next_commit(system: ActorSystem) -> None:
    store = SteeredStore()
    journal = StoreJournal(lambda: nullcontext(store), capabilities=CAPABILITIES, serializer=JsonSerializer())
    refs = [system.spawn(ledger(journal, entity_id=f"ledger {number}")) for number in range(20)]
    await asyncio.gather(*(system.ask(ref, adding("a")) for ref in refs))
    store.batches.clear()

    async def add_five(ref: ActorRef[Add]) -> None:
        for _ in range(5):
            await system.ask(ref, adding("a"))

    await asyncio.gather(*map(add_five, refs))
    assert sum(len(batch) for batch in store.batches) == 100
    assert [len(batch) for batch in store.batches][1:5] == [20, 20, 20, 20]


async def test_a_queue_that_is_full_refuses_and_takes_again(
    system: ActorSystem,
    journal: HandJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(log, "CAPACITY", 2)
    probe, ref = TestProbe[str](system), system.spawn(ledger(journal))
    for text in "abcd":
        ref.tell(Add(text, probe.ref))
        await settle()
    assert "2 writes of 'ledger' are waiting for the HandJournal, and no more may" in caplog.text
    for write in (0, 1):
        journal.writes[write].release()
        await settle()
    assert await probe.receive_n(3) == ["a", "ab", "abc"]
    await clock.advance(1.0)
    ref.tell(Add("e", probe.ref))
    await settle()
    journal.writes[2].release()
    assert await probe.receive() == "abce"


async def test_a_failed_write_discards_everything_after_it(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    letters, probe = Events(system, DeadLetter), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    for text in "abc":
        ref.tell(Add(text, probe.ref))
        await settle()
    journal.writes[0].fail()
    assert await probe.receive_all() == []
    assert [letter.message.text for letter in letters.seen if isinstance(letter.message, Add)] == ["a", "b", "c"]
    assert len(journal.writes) == 1
    assert journal.stored() == []


async def test_a_stop_waits_for_the_writes_in_flight(system: ActorSystem, journal: HandJournal) -> None:
    stopped, probe = Events(system, ActorStopped), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    ref.tell(Add("a", probe.ref))
    await settle()
    ending = asyncio.ensure_future(system.shutdown())
    await settle()
    assert ref not in [event.ref for event in stopped.seen]
    journal.writes[0].release()
    await ending
    assert ref in [event.ref for event in stopped.seen]
    assert journal.stored() == ["a"]


@pytest.mark.parametrize("failure", [FencedError, JournalOverloadedError, JournalError, OSError])
async def test_an_ask_whose_events_are_not_stored_fails_with_the_journals_class(
    clock: ManualClock, system: ActorSystem, journal: HandJournal, failure: type[Exception]
) -> None:
    ref = system.spawn(ledger(journal))
    asks = [asyncio.ensure_future(system.ask(ref, adding(text))) for text in "ab"]
    await settle()
    journal.writes[0].fail(failure("it is away"))
    await settle()
    for ask in asks:
        with pytest.raises(JournalError, match=r"/.* cannot answer: .*it is away") as failed:
            await ask
        assert type(failed.value) is (failure if issubclass(failure, JournalError) else JournalError)
        assert isinstance(failed.value.__cause__, JournalError)


async def test_an_ask_that_a_full_journal_refuses_fails_with_the_journals_class(
    system: ActorSystem, journal: HandJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CAPACITY", 0)
    with pytest.raises(JournalOverloadedError):
        await system.ask(system.spawn(ledger(journal)), adding("a"))


async def test_asked_commands_do_not_cost_a_task_each(system: ActorSystem) -> None:
    """Their replies wait for the disk anyway; they are handled in a row, like told ones."""
    drivers = set[asyncio.Task[Any] | None]()

    async def on_command(_ctx: ActorContext[Add], _state: str, command: Add) -> Behavior[Any]:
        drivers.add(asyncio.current_task())
        return Behaviors.persisted([command.text], reply=(command.reply_to, "stored"))

    refs = [system.spawn(ledger(HandJournal(), on_command, entity_id=name)) for name in "abcde"]
    await settle()
    assert await asyncio.gather(*[system.ask(ref, adding("x")) for ref in refs]) == ["stored"] * 5
    assert len(drivers) == 1
