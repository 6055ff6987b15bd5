"""What a command sends to a router leaves when the command's events are durable, as it does to any reference."""

import asyncio
from typing import Any

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors, DeadLetter, RouterRef, ServiceKey
from casty.testing import TestProbe, settle

from tests.core.persistence.ledger import Add, HandJournal, ledger
from tests.core.routing.workers import GetPath, Message, Stop, Workers
from tests.core.runtime.probe import Events

KEY = ServiceKey[Message]("workers")
ROUTERS = ["pool", "group", "a pool that starts"]


async def router(system: ActorSystem, kind: str, workers: Workers) -> RouterRef[Message]:
    """A router with two routees."""
    if kind == "group":
        for _ in range(2):
            system.spawn(Behaviors.discoverable(workers(), KEY))
        ref = system.spawn(Behaviors.group(KEY))
    else:
        ref = system.spawn(Behaviors.pool(2, workers))
    if kind != "a pool that starts":
        await settle()
    return ref


@pytest.mark.parametrize("kind", ROUTERS)
async def test_tells_and_broadcasts_of_a_command_wait_for_its_events(system: ActorSystem, kind: str) -> None:
    workers, journal = Workers(), HandJournal(by_hand=True)
    ref = await router(system, kind, workers)

    async def on_command(_ctx: ActorContext[Any], _state: str, command: Add) -> Behavior[Any]:
        ref.tell("told")
        ref.broadcast("broadcast")
        return Behaviors.persisted([command.text])

    system.spawn(ledger(journal, on_command)).tell(Add("a", TestProbe[str](system).ref))
    await settle()
    assert workers.seen == []
    journal.writes[0].release()
    await settle()
    assert sorted(workers.texts) == ["broadcast", "broadcast", "told"]


@pytest.mark.parametrize("kind", ROUTERS)
async def test_an_ask_of_a_command_waits_for_its_events(system: ActorSystem, kind: str) -> None:
    journal, probe = HandJournal(by_hand=True), TestProbe[Any](system)
    ref = await router(system, kind, Workers())

    async def on_command(ctx: ActorContext[Any], _state: str, command: Any) -> Behavior[Any]:
        if isinstance(command, str):
            probe.ref.tell(command)
            return Behaviors.same()
        ctx.ask(ref, GetPath(), lambda path: path, on_failure=str)
        return Behaviors.persisted([command.text])

    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    assert await probe.receive_all() == []
    journal.writes[0].release()
    assert (await probe.receive()).startswith("/")


async def test_an_ask_whose_routee_stops_before_the_events_are_durable_fails(system: ActorSystem) -> None:
    journal, probe = HandJournal(by_hand=True), TestProbe[Any](system)
    ref = await router(system, "pool", Workers())

    async def on_command(ctx: ActorContext[Any], _state: str, command: Any) -> Behavior[Any]:
        if isinstance(command, str):
            probe.ref.tell(command)
            return Behaviors.same()
        ctx.ask(ref, GetPath(), lambda path: path, timeout=60.0, on_failure=lambda error: type(error).__name__)
        return Behaviors.persisted([command.text])

    system.spawn(ledger(journal, on_command)).tell(Add("a", probe.ref))
    await settle()
    ref.broadcast(Stop())
    await settle()
    journal.writes[0].release()
    assert await probe.receive() == "ActorStoppedError"


async def test_a_command_that_has_not_happened_sends_nothing(system: ActorSystem) -> None:
    workers, journal = Workers(), HandJournal(by_hand=True)
    ref = await router(system, "pool", workers)
    letters = Events(system, DeadLetter)

    async def on_command(_ctx: ActorContext[Any], _state: str, command: Add) -> Behavior[Any]:
        ref.tell("told")
        ref.broadcast("broadcast")
        return Behaviors.persisted([command.text])

    system.spawn(ledger(journal, on_command)).tell(Add("a", TestProbe[str](system).ref))
    await settle()
    journal.writes[0].fail(OSError("the disk is gone"))
    await asyncio.sleep(0)
    await settle()
    assert workers.seen == []
    assert [letter.message for letter in letters.seen if isinstance(letter.message, str)] == []
