"""Wrappers compose in any order, around anything, spawned or answered."""

import asyncio
import itertools
from collections.abc import Callable
from typing import cast

import pytest
from casty import (
    ActorContext,
    ActorRestarted,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Mailbox,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    ServiceKey,
    SpyEvent,
)
from casty.journal import InMemoryJournal
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, Family, begins, does

type Wrap = Callable[[Behavior[str]], Behavior[str]]

ORDERS = list(itertools.permutations(["supervise", "lifecycle", "spy", "discoverable"]))
CORES = ["receive", "setup", "event_sourced"]


class World:
    """Makes the behaviors, and knows what has become of them."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self.log: list[str] = []
        self.handled = TestProbe[str](system)
        self.spied = TestProbe[SpyEvent](system)
        self.restarted = Events(system, ActorRestarted)

    def core(self, kind: str) -> Behavior[str]:
        receive = does(self.act)
        match kind:
            case "receive":
                return receive
            case "setup":
                return begins(lambda ctx: receive)
            case _:
                return Behaviors.event_sourced(
                    entity_id="e",
                    journal=InMemoryJournal(),
                    initial_state=0,
                    on_event=self.fold,
                    on_command=self.command,
                )

    def fold(self, state: int, event: int) -> int:
        return state + event

    async def command(self, ctx: Ctx, _state: int, message: str) -> Behavior[str]:
        self.act(ctx, message)
        return Behaviors.same()

    def act(self, _ctx: Ctx, message: str) -> None:
        if message == "boom":
            raise Boom
        self.handled.ref.tell(message)

    async def post_stop(self, _ctx: Ctx) -> None:
        self.log.append("post_stop")

    async def pre_start(self, _ctx: Ctx) -> None:
        self.log.append("pre_start")

    def wrapped(self, behavior: Behavior[str], order: tuple[str, ...]) -> Behavior[str]:
        wraps: dict[str, Wrap] = {
            "supervise": lambda b: Behaviors.supervise(b, OneForOneStrategy()),
            "lifecycle": lambda b: Behaviors.with_lifecycle(b, pre_start=self.pre_start, post_stop=self.post_stop),
            "spy": lambda b: Behaviors.spy(b, self.spied.ref),
            "discoverable": lambda b: Behaviors.discoverable(b, ServiceKey[str]("service")),
        }
        for name in order:
            behavior = wraps[name](behavior)
        return behavior

    async def check(self) -> None:
        """Handled, spied upon, restarted after a failure, and then still all of it."""
        ref = self.system.lookup("/a")
        assert ref is not None
        ref.tell("one")
        ref.tell("boom")
        ref.tell("two")
        assert await self.handled.receive_n(2) == ["one", "two"]
        assert [spied.event for spied in await self.spied.receive_n(2)] == ["one", "two"]
        assert len(self.restarted.seen) == 1


@pytest.mark.parametrize("kind", CORES)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_wrappers_compose_in_any_order(system: ActorSystem, order: tuple[str, ...], kind: str) -> None:
    world = World(system)
    system.spawn(world.wrapped(world.core(kind), order), "a")
    await world.check()
    await system.shutdown()
    assert world.log == ["pre_start", "pre_start", "post_stop"]


@pytest.mark.parametrize("kind", CORES)
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_wrappers_may_be_answered_by_a_handler(system: ActorSystem, order: tuple[str, ...], kind: str) -> None:
    world = World(system)
    system.spawn(does(lambda ctx, message: world.wrapped(world.core(kind), order)), "a").tell("change")
    ref = system.lookup("/a")
    assert ref is not None
    ref.tell("one")
    ref.tell("two")
    assert await world.handled.receive_n(2) == ["one", "two"]
    assert [spied.event for spied in await world.spied.receive_n(2)] == ["one", "two"]
    await system.shutdown()
    assert world.log == ["post_stop"]


async def test_a_transition_keeps_the_wrappers(system: ActorSystem) -> None:
    world = World(system)
    order = ("supervise", "lifecycle", "spy")
    system.spawn(world.wrapped(does(lambda ctx, message: world.core("receive")), order), "a").tell("change")
    assert (await world.spied.receive()).event == "change"
    ref = system.lookup("/a")
    assert ref is not None
    ref.tell("one")
    ref.tell("boom")
    assert (await world.spied.receive()).event == "one"
    assert (await world.restarted.receive()).ref is ref
    await system.shutdown()
    assert world.log == ["pre_start", "pre_start", "post_stop"]


async def test_an_answered_wrapper_replaces_those_of_its_kind(system: ActorSystem) -> None:
    first, second = TestProbe[SpyEvent](system), TestProbe[SpyEvent](system)
    change = does(lambda ctx, message: Behaviors.spy(does(lambda ctx, message: None), second.ref))
    ref = system.spawn(Behaviors.spy(change, first.ref))
    ref.tell("x")
    ref.tell("y")
    assert (await second.receive()).event == "y"
    assert [spied.event for spied in await first.receive_all()] == ["x"]


async def test_a_spy_on_children_sees_those_that_have_a_spy_of_their_own(system: ActorSystem) -> None:
    mine, theirs = TestProbe[SpyEvent](system), TestProbe[SpyEvent](system)
    child = Behaviors.spy(does(lambda ctx, message: None), theirs.ref)
    family = await Family(
        system, child, around=lambda parent: Behaviors.spy(parent, mine.ref, spy_children=True)
    ).started()
    family.children[0].tell("x")
    assert (await theirs.receive()).event == "x"
    assert (await mine.receive()).actor_path == "/parent/child-0"


async def test_a_spy_does_not_see_children_unasked(system: ActorSystem) -> None:
    mine = TestProbe[SpyEvent](system)
    family = await Family(
        system, does(lambda ctx, message: None), around=lambda parent: Behaviors.spy(parent, mine.ref)
    ).started()
    family.children[0].tell("x")
    await settle()
    assert await mine.receive_all() == []


async def test_a_full_mailbox_of_an_observer_fails_no_actor(system: ActorSystem) -> None:
    gate, letters, handled = asyncio.Event(), Events(system, DeadLetter), TestProbe[str](system)

    async def busy(_ctx: ActorContext[SpyEvent], _message: SpyEvent) -> Behavior[SpyEvent]:
        await gate.wait()
        return Behaviors.same()

    observer = system.spawn(Behaviors.receive(busy), mailbox=Mailbox(1, MailboxOverflowStrategy.reject))
    spied = system.spawn(Behaviors.spy(does(lambda ctx, message: handled.ref.tell(message)), observer))
    messages = ["a", "b", "c", "d"]
    for message in messages:
        spied.tell(message)
        await settle()
    assert await handled.receive_n(4) == messages
    seen = [cast("SpyEvent[str]", letter.message).event for letter in letters.seen]
    assert seen == ["c", "d"]
    gate.set()
