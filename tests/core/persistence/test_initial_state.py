"""Every incarnation begins with a state of its own, and what was never stored is gone with the one that made it."""

from threading import Lock
from typing import Any

import pytest
from casty import ActorRef, ActorSystem, Behavior, BehaviorError, Behaviors, InMemoryJournal, OneForOneStrategy
from casty.behaviors.persistent import PersistedBehavior
from casty.journal import EventJournal
from casty.testing import EventSourcedTestKit, settle

from tests.core.persistence.ledger import HandJournal

type Command = str | ActorRef[list[str]]


def grow(state: list[str], event: str) -> list[str]:
    """In place, as users do."""
    state.append(event)
    return state


async def on_command(_ctx: object, state: list[str], command: Command) -> Behavior[Any]:
    match command:
        case "boom":
            state.append("never stored")
            raise ValueError(command)
        case str():
            return Behaviors.persisted([command])
        case reply_to:
            reply_to.tell(list(state))
            return Behaviors.same()


async def update(_ctx: object, state: list[str], command: Command) -> Behavior[Any]:
    match await on_command(_ctx, state, command):
        case PersistedBehavior(events):
            return Behaviors.updated([*state, *events])
        case answer:
            return answer


def sourced(initial: Any, journal: EventJournal | None = None, entity_id: str = "e") -> Behavior[Any]:
    return Behaviors.event_sourced(
        entity_id=entity_id,
        initial_state=initial,
        on_event=grow,
        on_command=on_command,
        journal=journal or InMemoryJournal(),
    )


def durable(initial: Any, journal: EventJournal | None = None) -> Behavior[Any]:
    return Behaviors.durable_state(
        entity_id="e", initial_state=initial, on_command=update, journal=journal or InMemoryJournal()
    )


async def state_after(system: ActorSystem, behavior: Behavior[Any], *commands: str) -> list[str]:
    ref = system.spawn(Behaviors.supervise(behavior, OneForOneStrategy()))
    for command in commands:
        ref.tell(command)
        await settle()
    return await system.ask(ref, lambda reply_to: reply_to)


@pytest.mark.parametrize("initial", [[], list])
@pytest.mark.parametrize("journal", [InMemoryJournal, HandJournal])
async def test_a_restart_replays_on_a_fresh_initial_state(
    system: ActorSystem, initial: Any, journal: type[EventJournal]
) -> None:
    assert await state_after(system, sourced(initial, journal()), "a", "b", "boom") == ["a", "b"]
    assert initial in ([], list)


@pytest.mark.parametrize("initial", [[], list])
@pytest.mark.parametrize("journal", [InMemoryJournal, HandJournal])
async def test_after_a_restart_the_stored_state_counts_and_not_a_changed_one(
    system: ActorSystem, initial: Any, journal: type[EventJournal]
) -> None:
    assert await state_after(system, durable(initial, journal()), "boom") == []
    assert await state_after(system, durable(initial, journal()), "a", "boom") == ["a"]


async def test_entities_with_one_initial_state_do_not_share_it(system: ActorSystem) -> None:
    shared = list[str]()
    assert await state_after(system, sourced(shared, entity_id="1"), "a") == ["a"]
    assert await state_after(system, sourced(shared, entity_id="2"), "b") == ["b"]


async def test_a_plain_journal_keeps_what_was_decided_and_not_what_became_of_it(system: ActorSystem) -> None:
    journal = HandJournal()

    async def keep(_ctx: object, _state: object, command: list[str]) -> Behavior[Any]:
        return Behaviors.persisted([command], then=lambda _state: command.append("later"))

    behavior = Behaviors.event_sourced(
        entity_id="e", initial_state=None, on_event=lambda _state, event: event, on_command=keep, journal=journal
    )
    system.spawn(behavior).tell(["now"])
    await settle()
    assert journal.stored() == [["now"]]


@pytest.mark.parametrize("make", [sourced, durable])
def test_an_initial_state_that_cannot_be_copied_is_refused_with_the_way_out(make: Any) -> None:
    with pytest.raises(BehaviorError, match=r"of 'e', a lock, cannot be copied .*initial_state=lambda"):
        make(Lock())


async def forgot() -> None: ...


def one(_argument: object) -> None: ...


@pytest.mark.parametrize("make", [sourced, durable])
@pytest.mark.parametrize("factory", [forgot, one])
def test_a_factory_that_cannot_be_one_is_refused(make: Any, factory: Any) -> None:
    with pytest.raises(BehaviorError, match=r"the initial_state of \'e\' is .*test_initial_state\.py"):
        make(factory)


async def test_the_kit_begins_with_a_state_of_its_own_as_well() -> None:
    async def fresh(_ctx: object, state: list[str], command: str) -> Behavior[Any]:
        return Behaviors.persisted([command])

    def add(state: list[str], event: str) -> list[str]:
        return [*state, event]

    behavior = Behaviors.event_sourced(entity_id="e", initial_state=list[str], on_event=add, on_command=fresh)
    for _ in range(2):
        async with EventSourcedTestKit(behavior) as kit:
            assert (await kit.run("a")).state == ["a"]
            await kit.restart()
            assert kit.state == ["a"]
