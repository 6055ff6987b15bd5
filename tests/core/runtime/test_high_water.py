"""Warnings of mailboxes that grow, whether they are read or not, and of callers that wait for room."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorRef,
    ActorSystem,
    Backoff,
    Behavior,
    Behaviors,
    CastyConfig,
    JournalError,
    Mailbox,
    MailboxHighWater,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    PersistedEvent,
    Snapshot,
)
from casty.config import SystemConfig
from casty.testing import settle

from tests.core.runtime.probe import Ctx, Events, begins, does, fails

MARK = 3


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(high_water=MARK))) as system:
        yield system


def flood(ref: ActorRef[str], count: int = MARK + 1) -> None:
    for _ in range(count):
        ref.tell("x")


async def test_an_unbounded_mailbox_warns_past_the_high_water_mark(system: ActorSystem) -> None:
    high = Events(system, MailboxHighWater)
    ref = system.spawn(does(lambda ctx, message: None))
    flood(ref, MARK)
    await settle()
    assert high.seen == []
    flood(ref)
    assert await high.receive() == MailboxHighWater(ref, MARK + 1)


async def test_a_crossing_is_reported_once_and_again_when_the_mailbox_has_doubled(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    high, gate = Events(system, MailboxHighWater), asyncio.Event()
    patrol = system.kernel.dispatcher.patrol

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), "stuck")
    ref.tell("x")
    await settle()
    flood(ref)
    patrol.look_around()
    patrol.look_around()
    flood(ref)
    patrol.look_around()
    assert [event.size for event in high.seen] == [4]
    ref.tell("x")
    patrol.look_around()
    assert [event.size for event in high.seen] == [4, 9]
    assert "/stuck holds 4 messages and has no bound (suspended while it handles str)" in caplog.text
    gate.set()
    await settle()
    patrol.look_around()
    flood(ref)
    await settle()
    assert [event.size for event in high.seen] == [4, 9, 4]


async def test_an_actor_that_waits_out_its_back_off_warns(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    high = Events(system, MailboxHighWater)
    waits_long = OneForOneStrategy(backoff=Backoff(initial=3600.0, maximum=3600.0))
    ref = system.spawn(Behaviors.supervise(does(fails), waits_long), "paused")
    ref.tell("x")
    await settle()
    flood(ref)
    system.kernel.dispatcher.patrol.look_around()
    assert high.seen == [MailboxHighWater(ref, MARK + 1)]
    assert "(paused: it waits" in caplog.text


class Recovering:
    """A journal that never returns what it holds."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None: ...

    async def load(self, entity_id: str, from_sequence_nr: int = 1) -> list[PersistedEvent[Any]]:
        self.asked.set()
        await asyncio.Event().wait()
        return []

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None: ...

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None: ...


class Down(Recovering):
    """A journal that is away."""

    async def load(self, entity_id: str, from_sequence_nr: int = 1) -> list[PersistedEvent[Any]]:
        self.asked.set()
        raise JournalError("the database is down")


@pytest.mark.parametrize("journal", [Recovering, Down])
async def test_an_actor_that_cannot_recover_warns(journal: type[Recovering]) -> None:
    settings = SystemConfig(high_water=MARK, stop_timeout=0.05)
    async with ActorSystem(config=CastyConfig(system=settings)) as system:
        high, store = Events(system, MailboxHighWater), journal()

        async def on_command(_ctx: ActorContext[str], _state: int, command: str) -> Behavior[str]:
            return Behaviors.persisted([command])

        ref = system.spawn(
            Behaviors.event_sourced(
                entity_id="e",
                initial_state=0,
                on_event=lambda state, event: state + 1,
                on_command=on_command,
                journal=store,
            )
        )
        flood(ref)
        await store.asked.wait()
        await settle()
        system.kernel.dispatcher.patrol.look_around()
        assert high.seen == [MailboxHighWater(ref, MARK + 1)]


async def test_callers_that_wait_in_offer_are_reported(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    high, gate = Events(system, MailboxHighWater), asyncio.Event()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler), "sink", mailbox=Mailbox(2, MailboxOverflowStrategy.backpressure))
    for _ in range(2):
        ref.tell("x")
        await settle()
    offers = [asyncio.ensure_future(ref.offer("x")) for _ in range(11)]
    await settle()
    assert high.seen == []
    offers += [asyncio.ensure_future(ref.offer("x")) for _ in range(5)]
    await settle()
    assert high.seen == [MailboxHighWater(ref, 2, callers=11)]
    assert "/sink has a full mailbox, and 11 callers wait in offer()" in caplog.text
    gate.set()
    await asyncio.gather(*offers)


async def test_a_patrol_rests_when_there_is_nothing_to_look_at(system: ActorSystem) -> None:
    patrol, gate = system.kernel.dispatcher.patrol, asyncio.Event()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    assert not patrol.is_on_duty
    system.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    assert patrol.is_on_duty
    gate.set()
    await settle()
    patrol.look_around()
    assert not patrol.is_on_duty


async def test_an_actor_whose_spawn_is_not_durable_yet_is_watched(system: ActorSystem) -> None:
    stored, high, children = asyncio.Event(), Events(system, MailboxHighWater), list[ActorRef[str]]()

    class Slow(Recovering):
        async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
            await stored.wait()

        async def load(self, entity_id: str, from_sequence_nr: int = 1) -> list[PersistedEvent[Any]]:
            return []

    async def on_command(ctx: ActorContext[str], _state: int, command: str) -> Behavior[str]:
        children.append(ctx.spawn(begins(lambda _: does(lambda ctx, message: None))))
        return Behaviors.persisted([command])

    system.spawn(
        Behaviors.event_sourced(
            entity_id="e", initial_state=0, on_event=lambda s, e: s, on_command=on_command, journal=Slow()
        )
    ).tell("x")
    await settle()
    flood(children[0])
    system.kernel.dispatcher.patrol.look_around()
    assert high.seen == [MailboxHighWater(children[0], MARK + 1)]
    stored.set()
    await settle()
