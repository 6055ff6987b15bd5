"""Actors of which the newest state is stored: in all but what is stored, they are like event-sourced ones."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from casty import (
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Directive,
    EncodeError,
    EventJournal,
    InMemoryJournal,
    OneForOneStrategy,
)
from casty.spi.journal import JournalKind
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, adding
from tests.core.persistence.ledger import ledger as event_sourced
from tests.core.persistence.states import OnCommand, WatchedStore, note
from tests.core.runtime.probe import Boom, Events, does


@pytest.mark.parametrize("make", [HandJournal, InMemoryJournal, lambda: "memory://"])
async def test_any_journal_keeps_a_durable_state(system: ActorSystem, make: Callable[[], EventJournal | str]) -> None:
    journal, probe = make(), TestProbe[str](system)
    first = system.spawn(note(journal))
    for text in "abc":
        first.tell(Add(text, probe.ref))
    assert await probe.receive_n(3) == ["a", "ab", "abc"]
    assert await system.ask(system.spawn(note(journal)), adding("d")) == "abcd"


async def test_each_state_is_stored_whole(system: ActorSystem) -> None:
    journal = HandJournal()
    ref = system.spawn(note(journal))
    for text in "abc":
        await system.ask(ref, adding(text))
    assert [(stored.sequence_nr, stored.event) for stored in journal.events] == [(1, "a"), (2, "ab"), (3, "abc")]


async def test_recovery_reads_the_newest_state_alone(system: ActorSystem) -> None:
    store = WatchedStore()
    ref = system.spawn(note(store.journal()))
    for text in "abcde":
        await system.ask(ref, adding(text))
    assert store.answered == []
    assert await system.ask(system.spawn(note(store.journal())), adding("f")) == "abcdef"
    assert store.answered == [5]


async def test_nothing_that_a_command_sends_leaves_before_its_state_is_durable(
    system: ActorSystem, journal: HandJournal
) -> None:
    probe, ref = TestProbe[str](system), system.spawn(note(journal))
    for text in "abc":
        ref.tell(Add(text, probe.ref))
        await settle()
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive_all() == ["a"]
    assert [stored.event for stored in journal.writes[1].events] == ["ab", "abc"], "decided while the first was stored"
    journal.writes[1].release()
    assert await probe.receive_all() == ["ab", "abc"]


async def test_a_failed_write_of_a_state_undoes_every_command_from_it_on(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    probe, ref, lost = TestProbe[str](system), system.spawn(note(journal)), Events(system, DeadLetter)
    for text in "abc":
        ref.tell(Add(text, probe.ref))
        await settle()
    journal.writes[0].release()
    await settle()
    journal.writes[1].fail()
    await settle()
    journal.by_hand = False
    await clock.advance(1.0)
    ref.tell(Add("d", probe.ref))
    assert await probe.receive_n(2) == ["a", "ad"]
    assert [letter.message for letter in lost.seen] == [Add("b", probe.ref), Add("c", probe.ref)]


async def test_reply_and_then_get_the_new_state(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: object, _state: str, command: Add) -> Behavior[Any]:
        told = command.reply_to
        return Behaviors.updated(command.text, then=lambda state: told.tell(f"then {state}"), reply=(told, "reply"))

    probe = TestProbe[str](system)
    system.spawn(note(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert await probe.receive_all() == ["reply", "then a"]


async def test_a_command_that_updates_nothing_stores_nothing(system: ActorSystem) -> None:
    async def on_command(_ctx: object, state: str, command: Add) -> Behavior[Any]:
        command.reply_to.tell(state)
        return Behaviors.same()

    journal = HandJournal()
    assert await system.ask(system.spawn(note(journal, on_command, "first")), adding("a")) == "first"
    assert journal.writes == []


async def test_none_is_a_state(system: ActorSystem) -> None:
    async def on_command(_ctx: object, state: str | None, command: Add) -> Behavior[Any]:
        return Behaviors.updated(None, reply=(command.reply_to, f"it was {state}"))

    journal = InMemoryJournal()
    assert await system.ask(system.spawn(note(journal, on_command)), adding("a")) == "it was "
    assert await system.ask(system.spawn(note(journal, on_command)), adding("a")) == "it was None"


async def test_the_last_state_may_come_with_the_end(system: ActorSystem, journal: HandJournal) -> None:
    async def on_command(_ctx: object, state: str, command: Add) -> Behavior[Any]:
        return Behaviors.updated(state + command.text, then=Behaviors.stopped(), reply=(command.reply_to, "bye"))

    stopped, ref = Events(system, ActorStopped), system.spawn(note(journal, on_command))
    farewell = asyncio.ensure_future(system.ask(ref, adding("a")))
    await settle()
    assert stopped.seen == [], "it waits for the write in flight"
    journal.writes[0].release()
    assert await farewell == "bye"
    assert (await stopped.receive()).ref is ref


async def picky(_ctx: object, state: str, command: Add) -> Behavior[Any]:
    command.reply_to.tell(state + command.text)
    if command.text == "boom":
        raise Boom
    return Behaviors.updated(object() if command.text == "unstorable" else state + command.text)


@pytest.mark.parametrize("directive", [Directive.restart, Directive.resume])
async def test_a_failing_command_leaves_the_state_as_it_was(system: ActorSystem, directive: Directive) -> None:
    strategy = OneForOneStrategy(decider=lambda _: directive)
    probe, ref = TestProbe[str](system), system.spawn(Behaviors.supervise(note(InMemoryJournal(), picky), strategy))
    for text in ("a", "boom", "b"):
        ref.tell(Add(text, probe.ref))
    assert await probe.receive_n(2) == ["a", "ab"]


async def test_a_state_that_cannot_be_encoded_fails_its_command_alone(system: ActorSystem) -> None:
    failures: list[BaseException] = []

    def decide(error: BaseException) -> Directive:
        failures.append(error)
        return Directive.resume

    journal, probe = InMemoryJournal(), TestProbe[str](system)
    ref = system.spawn(Behaviors.supervise(note(journal, picky), OneForOneStrategy(decider=decide)))
    for text in ("a", "unstorable", "b"):
        ref.tell(Add(text, probe.ref))
    assert await probe.receive_n(2) == ["a", "ab"]
    assert [type(failure) for failure in failures] == [EncodeError]
    assert "object" in str(failures[0])
    assert [stored.event for stored in await journal.load("note")] == ["a", "ab"]


WRAPPINGS: dict[str, Callable[[Behavior[Any]], Behavior[Any]]] = {
    "supervised": lambda inner: Behaviors.supervise(inner, OneForOneStrategy()),
    "with a life cycle": Behaviors.with_lifecycle,
    "in a setup": lambda inner: Behaviors.setup(lambda _ctx: _given(inner)),
    "returned by a handler": lambda inner: does(lambda _ctx, message: inner if message == "go" else None),
}


async def _given(behavior: Behavior[Any]) -> Behavior[Any]:
    return behavior


@pytest.mark.parametrize("wrapping", WRAPPINGS)
async def test_a_durable_state_may_stand_anywhere(system: ActorSystem, wrapping: str) -> None:
    journal = InMemoryJournal()
    for text, wanted in (("a", "a"), ("b", "ab")):
        ref = system.spawn(WRAPPINGS[wrapping](note(journal)))
        if wrapping == "returned by a handler":
            ref.tell("go")
        assert await system.ask(ref, adding(text)) == wanted


async def persisting(_ctx: object, _state: str, command: Add) -> Behavior[Any]:
    command.reply_to.tell("booked")
    return Behaviors.persisted([command.text])


async def updating(_ctx: object, _state: str, command: Add) -> Behavior[Any]:
    command.reply_to.tell("stored")
    return Behaviors.updated(command.text)


@pytest.mark.parametrize(
    ("make", "on_command", "cure"),
    [
        (note, persisting, "that of Behaviors.durable_state returns Behaviors.updated(new_state)"),
        (event_sourced, updating, "that of Behaviors.event_sourced returns Behaviors.persisted([events])"),
    ],
)
async def test_the_other_kinds_answer_fails_the_command_and_sends_nothing(
    system: ActorSystem,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[EventJournal, OnCommand], Behavior[Any]],
    on_command: OnCommand,
    cure: str,
) -> None:
    journal, probe, stopped = HandJournal(), TestProbe[str](system), Events(system, ActorStopped)
    ref = system.spawn(make(journal, on_command))
    ref.tell(Add("a", probe.ref))
    assert (await stopped.receive()).ref is ref
    assert await probe.receive_all() == []
    assert journal.writes == []
    assert cure in caplog.text


async def test_a_plain_actor_has_no_state_to_update(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    stopped = Events(system, ActorStopped)
    system.spawn(does(lambda _ctx, _message: Behaviors.updated("x"))).tell("x")
    await stopped.receive()
    assert "Behaviors.updated(...) is only for the on_command of Behaviors.durable_state" in caplog.text


async def test_a_new_owner_of_a_state_shuts_out_the_old_one() -> None:
    store = WatchedStore(kind=JournalKind.centralized)
    async with ActorSystem("old") as old, ActorSystem("new") as new:
        first, lost = old.spawn(note(store.journal())), Events(old, DeadLetter)
        assert await old.ask(first, adding("a")) == "a"
        assert await new.ask(new.spawn(note(store.journal())), adding("b")) == "ab"

        probe = TestProbe[str](old)
        first.tell(Add("stale", probe.ref))
        assert await probe.receive_all() == []
        assert "claimed" in lost.seen[0].reason
        assert await old.ask(first, adding("c")) == "abc"


async def test_of_two_owners_without_fences_the_second_to_write_begins_again(
    system: ActorSystem, clock: ManualClock
) -> None:
    journal, probe, lost = InMemoryJournal(), TestProbe[str](system), Events(system, DeadLetter)
    first, second = system.spawn(note(journal)), system.spawn(note(journal))
    await settle()
    assert await system.ask(first, adding("a")) == "a"
    second.tell(Add("lost", probe.ref))
    await lost.receive()
    await clock.advance(1.0)
    second.tell(Add("b", probe.ref))
    assert await probe.receive_all() == ["ab"]
