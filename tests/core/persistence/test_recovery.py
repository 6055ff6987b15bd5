"""Beginning again: after a restart, a failed write, an outage of the journal."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from casty import ActorContext, ActorStopped, ActorSystem, Behavior, Behaviors, DeadLetter, OneForOneStrategy
from casty.errors import JournalError
from casty.journal import InMemoryJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.persistence.journal import StoreJournal
from casty.testing import ManualClock, TestProbe, settle

from tests.core.persistence.fakes import JsonSerializer
from tests.core.persistence.ledger import Add, HandJournal, ledger
from tests.core.runtime.probe import Boom, Events, Family, does, turns


async def test_a_new_actor_finds_the_state_of_the_last_one(system: ActorSystem) -> None:
    probe, journal = TestProbe[str](system), InMemoryJournal()
    for text in "ab":
        async with ActorSystem() as other:
            other.spawn(ledger(journal)).tell(Add(text, probe.ref))
            await settle()
    assert await probe.receive_n(2) == ["a", "ab"]


async def test_a_failed_write_is_followed_by_backoff_and_a_replay(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    probe, ref = TestProbe[str](system), system.spawn(ledger(journal))
    for text in "ab":
        ref.tell(Add(text, probe.ref))
        await settle()
    journal.writes[0].release()
    await settle()
    journal.writes[1].fail()
    ref.tell(Add("c", probe.ref))
    await settle()
    assert len(journal.writes) == 2
    journal.by_hand = False
    await clock.advance(1.0)
    assert await probe.receive_n(2) == ["a", "ac"]
    assert [event.sequence_nr for event in journal.events] == [1, 2]


async def test_an_outage_of_the_journal_is_outlived(system: ActorSystem, clock: ManualClock) -> None:
    journal, probe = HandJournal(broken_loads=20), TestProbe[str](system)
    system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    for _ in range(20):
        await settle()
        await clock.advance(40.0)
    assert await probe.receive() == "a"


async def test_five_seconds_after_a_journals_return_its_actors_go_on(system: ActorSystem, clock: ManualClock) -> None:
    journals, probe = [HandJournal(broken_loads=sys.maxsize) for _ in range(20)], TestProbe[str](system)
    for journal in journals:  # each actor draws pauses of its own
        system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    for _ in range(60):
        await settle()
        await clock.advance(1.0)
    for journal in journals:
        journal.broken_loads = 0
    await clock.advance(5.0)
    assert [await probe.receive() for _ in journals] == ["a"] * 20


async def test_a_journal_that_does_not_open_is_tried_again(system: ActorSystem, clock: ManualClock) -> None:
    store, openings, probe = MemoryStore(), 0, TestProbe[str](system)

    @asynccontextmanager
    async def open_store() -> AsyncGenerator[MemoryStore]:
        nonlocal openings
        openings += 1
        if openings == 1:
            raise ConnectionError("not yet")
        yield store

    journal = StoreJournal(open_store, capabilities=CAPABILITIES, serializer=JsonSerializer())
    system.spawn(ledger(journal)).tell(Add("a", probe.ref))
    await settle()
    await clock.advance(1.0)
    assert await probe.receive() == "a"


async def test_a_conflicting_write_is_answered_with_a_replay(system: ActorSystem, clock: ManualClock) -> None:
    journal, probe, letters = InMemoryJournal(), TestProbe[str](system), Events(system, DeadLetter)
    first, second = system.spawn(ledger(journal)), system.spawn(ledger(journal))
    await settle()
    first.tell(Add("a", probe.ref))
    assert await probe.receive() == "a"
    second.tell(Add("lost", probe.ref))
    await letters.receive()
    await settle()
    await clock.advance(1.0)
    second.tell(Add("b", probe.ref))
    assert await probe.receive() == "ab"


async def test_b20_a_failing_on_event_at_the_replay_stops_an_unsupervised_actor(system: ActorSystem) -> None:
    journal, stopped, probe = HandJournal(), Events(system, ActorStopped), TestProbe[str](system)
    ref = system.spawn(ledger(journal))
    ref.tell(Add("a", probe.ref))
    ref.tell(Add("b", probe.ref))
    await probe.receive_n(2)

    def broken(_state: str, _event: str) -> str:
        raise Boom

    again = system.spawn(ledger(journal, on_event=broken))
    assert (await stopped.receive()).ref is again


async def test_a_failing_on_event_stores_nothing(system: ActorSystem, journal: HandJournal) -> None:
    def broken(_state: str, _event: str) -> str:
        raise Boom

    stopped, probe = Events(system, ActorStopped), TestProbe[str](system)
    ref = system.spawn(ledger(journal, on_event=broken))
    ref.tell(Add("a", probe.ref))
    assert (await stopped.receive()).ref is ref
    assert journal.writes == []
    assert await probe.receive_all() == []


async def test_an_unsupervised_failure_of_a_command_stops_this_actor_only(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)

    async def on_command(_ctx: object, _state: str, _message: str) -> Behavior[Any]:
        raise Boom

    child = Behaviors.event_sourced(
        entity_id="e",
        journal=HandJournal(),
        initial_state="",
        on_event=lambda state, event: state,
        on_command=on_command,
    )
    family = await Family(system, child).started()
    family.children[0].tell("x")
    await stopped.receive()
    await settle()
    assert [event.ref for event in stopped.seen] == family.children


async def test_a_journals_error_never_reaches_the_actors_own_strategy(
    system: ActorSystem, journal: HandJournal, clock: ManualClock
) -> None:
    probe = TestProbe[str](system)
    never = OneForOneStrategy(max_restarts=0)
    ref = system.spawn(Behaviors.supervise(ledger(journal), never))
    ref.tell(Add("a", probe.ref))
    await settle()
    journal.writes[0].fail(JournalError("away"))
    await settle()
    journal.by_hand = False
    await clock.advance(1.0)
    ref.tell(Add("b", probe.ref))
    assert await probe.receive() == "b"


async def test_a_plain_actor_cannot_persist(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    ref = system.spawn(does(lambda ctx, message: Behaviors.persisted(["x"])))
    ref.tell("x")
    assert (await stopped.receive()).ref is ref


def joined(state: str, event: str) -> str:
    return state + event


async def test_a_hook_gets_the_recovered_state_before_any_command(system: ActorSystem) -> None:
    journal, seen = InMemoryJournal(), list[str]()

    async def on_command(ctx: ActorContext[str], state: str, command: str) -> Behavior[Any]:
        seen.append(f"command {command}")
        return Behaviors.stopped() if command == "stop" else Behaviors.persisted([command])

    async def recovered(ctx: ActorContext[str], state: str) -> None:
        await turns(3)
        seen.append(f"recovered {state!r}")
        if state:
            ctx.self.tell("open")

    manager = Behaviors.event_sourced(
        entity_id="manager",
        journal=journal,
        initial_state="",
        on_event=joined,
        on_command=on_command,
        on_recovery_completed=recovered,
    )
    for text in ("a", "b"):
        ref = system.spawn(manager)
        ref.tell(text)
        await settle()
        ref.tell("stop")
        await settle()
    assert seen == [
        *("recovered ''", "command a", "command stop"),
        *("recovered 'a'", "command b", "command open", "command stop"),
    ]


async def test_a_hook_gets_a_recovered_durable_state(system: ActorSystem) -> None:
    journal, seen = InMemoryJournal(), list[int]()

    async def on_command(ctx: ActorContext[int], state: int, command: int) -> Behavior[Any]:
        return Behaviors.updated(command, then=Behaviors.stopped())

    async def recovered(ctx: ActorContext[int], state: int) -> None:
        seen.append(state)

    for number in (1, 2):
        counter: Behavior[int] = Behaviors.durable_state(
            entity_id="counter",
            journal=journal,
            initial_state=0,
            on_command=on_command,
            on_recovery_completed=recovered,
        )
        system.spawn(counter).tell(number)
        await settle()
    assert seen == [0, 1]


async def test_a_hook_that_raises_is_a_failed_start(system: ActorSystem, clock: ManualClock) -> None:
    failures = [Boom()]

    async def recovered(ctx: Any, state: Any) -> None:
        if failures:
            raise failures.pop()

    async def on_command(ctx: Any, state: Any, command: str) -> Behavior[Any]:
        return Behaviors.persisted([command])

    journal = InMemoryJournal()
    behavior: Behavior[str] = Behaviors.event_sourced(
        entity_id="x",
        journal=journal,
        initial_state="",
        on_event=joined,
        on_command=on_command,
        on_recovery_completed=recovered,
    )
    system.spawn(Behaviors.supervise(behavior, OneForOneStrategy())).tell("handled after the restart")
    await settle()
    assert [event.event for event in await journal.load("x")] == ["handled after the restart"]
