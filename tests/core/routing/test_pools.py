"""Pools: routers whose routees are their children."""

import asyncio
import logging
from typing import Any

import pytest
from casty import (
    ActorFailedError,
    ActorStarted,
    ActorStoppedError,
    ActorSystem,
    AllForOneStrategy,
    Behavior,
    BehaviorError,
    Behaviors,
    CastyConfig,
    ConsistentHashing,
    DeadLetter,
    DeadlockError,
    LeastMailbox,
    Mailbox,
    MailboxFullError,
    MailboxOverflowStrategy,
    OneForOneStrategy,
    RandomChoice,
    RoundRobin,
    RouterRef,
    SpyEvent,
    Terminated,
)
from casty.behaviors.routing import Routing
from casty.config.actors import ActorConfig, SupervisionOverrides
from casty.extension import LocalRef, restart, stop
from casty.runtime.routing.ref import Broadcast
from casty.testing import TestProbe, settle

from tests.core.routing.workers import Boom, Fail, GetPath, Hold, Message, Stop, Workers, failing
from tests.core.runtime.probe import Events

ROUTINGS: dict[str, Routing[Any]] = {
    "in turn": RoundRobin(),
    "at random": RandomChoice(),
    "least mailbox": LeastMailbox(),
    "by hash": ConsistentHashing(str),
}


def local(ref: RouterRef[Any]) -> LocalRef[Any]:
    assert isinstance(ref, LocalRef)
    return ref


async def answers(ref: RouterRef[Message], count: int) -> list[str]:
    return [await ref.ask(GetPath()) for _ in range(count)]


async def test_messages_go_to_the_children_in_turn(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(3, Workers()), "pool")
    assert await answers(pool, 4) == ["/pool/1", "/pool/2", "/pool/3", "/pool/1"]


@pytest.mark.parametrize("routing", ROUTINGS.values(), ids=ROUTINGS)
async def test_messages_from_before_the_start_are_handled_in_order(system: ActorSystem, routing: Routing[Any]) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(1, workers, routing=routing))
    sent = [str(number) for number in range(500)]
    for text in sent:
        pool.tell(text)
        if text == "250":
            await settle()
    await settle()
    assert workers.texts == sent


async def test_a_message_costs_the_actor_of_the_pool_no_turn(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(2, Workers()))
    await settle()
    pool.tell("text")
    assert local(pool).cell.state == 0
    assert not local(pool).cell.waiting()


async def test_a_broadcast_reaches_every_child(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(3, workers), "pool")
    pool.broadcast("early")
    await settle()
    pool.broadcast("late")
    await settle()
    assert sorted(workers.seen) == [(f"/pool/{n}", text) for n in (1, 2, 3) for text in ("early", "late")]


async def test_an_ask_fails_as_soon_as_its_child_does(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(2, Workers()), "pool")
    for _ in range(2):  # through the mailbox of the pool that starts, and past it
        with pytest.raises(ActorFailedError, match=r"/pool/\d failed on Fail"):
            await pool.ask(failing, timeout=60.0)


async def test_an_ask_that_waits_in_a_mailbox_fails_when_its_child_stops(system: ActorSystem) -> None:
    gate = asyncio.Event()
    pool = system.spawn(Behaviors.pool(1, Workers()), "pool")
    await pool.ask(Hold(until=gate))
    pool.tell(Stop())
    asking = asyncio.ensure_future(pool.ask(GetPath(), timeout=60.0))
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(ActorStoppedError):
        await asking


async def test_an_ask_waits_for_the_child_that_was_chosen_for_it(system: ActorSystem) -> None:
    gate = asyncio.Event()
    pool = system.spawn(Behaviors.pool(2, Workers()), "pool")
    for _ in range(2):
        await pool.ask(Hold(until=gate))
    asking = asyncio.ensure_future(pool.ask(GetPath(), timeout=60.0))
    await asyncio.sleep(0)
    first: Any = system.lookup("/pool/1")
    stop(first)
    gate.set()
    with pytest.raises(ActorStoppedError, match="/pool/1"):
        await asking


async def test_a_child_that_stops_is_passed_over(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(3, Workers()), "pool")
    await settle()
    dead = Events(system, DeadLetter)
    pool.tell(Stop())
    await asyncio.sleep(0)
    assert await answers(pool, 4) == ["/pool/2", "/pool/3", "/pool/2", "/pool/3"]
    pool.broadcast("all")
    await settle()
    assert dead.seen == []


async def test_a_child_that_fails_is_not_replaced_and_the_log_says_how_many_are_left(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(3, workers), "pool")
    await settle()
    pool.tell(Fail())
    with caplog.at_level(logging.WARNING):
        await settle()
    assert "/pool has 2 of its 3 routees left" in caplog.text
    assert workers.made == 3


async def test_a_supervised_child_restarts(system: ActorSystem) -> None:
    workers = Workers(wrap=lambda worker: Behaviors.supervise(worker, OneForOneStrategy()))
    pool = system.spawn(Behaviors.pool(2, workers), "pool")
    for _ in range(2):
        pool.tell(Fail())
    await settle()
    assert await answers(pool, 2) == ["/pool/1", "/pool/2"]


async def test_a_pool_stops_with_its_last_child(system: ActorSystem) -> None:
    probe = TestProbe[Any](system)
    pool = system.spawn(Behaviors.pool(2, Workers()))
    probe.watch(pool)
    for _ in range(2):
        pool.tell(Stop())
    assert await probe.receive() == Terminated(pool)
    with pytest.raises(ActorStoppedError):
        await pool.ask(GetPath())


async def test_a_pool_fails_as_its_last_child_did(system: ActorSystem) -> None:
    probe = TestProbe[Any](system)
    pool = system.spawn(Behaviors.pool(2, Workers()))
    probe.watch(pool)
    for _ in range(2):
        pool.tell(Fail())
    ended = await probe.receive()
    assert isinstance(ended.reason, Boom)


async def test_a_supervised_pool_starts_anew_and_handles_what_had_come(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.supervise(Behaviors.pool(2, workers), OneForOneStrategy()), "pool")
    await settle()
    ref: Any = pool
    for _ in range(2):
        ref.tell(Fail())
    await asyncio.sleep(0)
    ref.tell("kept")
    await settle()
    assert workers.texts == ["kept"]
    assert workers.made == 4


async def test_a_strategy_for_children_decides_about_the_children_of_a_pool(system: ActorSystem) -> None:
    started = Events(system, ActorStarted)
    workers = Workers(wrap=lambda worker: Behaviors.with_lifecycle(worker))
    pool = system.spawn(Behaviors.supervise(Behaviors.pool(3, workers), AllForOneStrategy()), "pool")
    await settle()
    pool.tell(Fail())
    await settle()
    assert [await pool.ask(GetPath()) for _ in range(3)] == ["/pool/2", "/pool/3", "/pool/1"]
    assert len(started.seen) == 4


async def test_a_factory_that_raises_is_a_failed_start(system: ActorSystem) -> None:
    def factory() -> Behavior[Any]:
        raise Boom

    probe = TestProbe[Any](system)
    pool = system.spawn(Behaviors.pool(2, factory))
    probe.watch(pool)
    with pytest.raises(ActorStoppedError):
        await pool.ask(GetPath())
    assert isinstance((await probe.receive()).reason, Boom)


async def test_a_factory_that_makes_no_behavior_is_a_failed_start_that_says_so(system: ActorSystem) -> None:
    probe = TestProbe[Any](system)
    made: Any = "worker"
    pool = system.spawn(Behaviors.pool(2, lambda: made))
    probe.watch(pool)
    reason = (await probe.receive()).reason
    assert isinstance(reason, BehaviorError)
    assert "not str" in str(reason)


async def test_the_mailbox_of_a_pool_is_that_of_each_child(system: ActorSystem) -> None:
    gate = asyncio.Event()
    bound = Mailbox(capacity=2, overflow=MailboxOverflowStrategy.reject)
    pool = system.spawn(Behaviors.pool(2, Workers()), "pool", mailbox=bound)
    await settle()
    for _ in range(2):
        await pool.ask(Hold(until=gate))
    for text in "abcd":
        pool.tell(text)
    with pytest.raises(MailboxFullError, match="/pool/1 is full: 2 messages"):
        pool.tell("e")
    gate.set()


async def test_an_offer_to_a_pool_waits_for_room_with_the_child(system: ActorSystem) -> None:
    gate = asyncio.Event()
    workers = Workers()
    bound = Mailbox(capacity=1, overflow=MailboxOverflowStrategy.backpressure)
    pool = system.spawn(Behaviors.pool(1, workers), mailbox=bound)
    await pool.ask(Hold(until=gate))
    await pool.offer("one")
    offering = asyncio.ensure_future(pool.offer("two"))
    await settle()
    assert not offering.done()
    gate.set()
    await offering
    await settle()
    assert workers.texts == ["one", "two"]


async def test_the_configuration_of_a_pool_is_that_of_its_children() -> None:
    restarting = ActorConfig(supervision=SupervisionOverrides(max_restarts=1))
    async with ActorSystem(config=CastyConfig(actors={"pool": restarting})) as system:
        pool = system.spawn(Behaviors.pool(1, Workers()), "pool")
        await settle()
        pool.tell(Fail())
        assert await pool.ask(GetPath()) == "/pool/1"


async def test_a_pool_that_restarts_keeps_what_waits(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(2, workers), "pool")
    await settle()
    restart(local(pool), Boom())
    pool.tell("during")
    await settle()
    pool.tell("after")
    await settle()
    assert workers.texts == ["during", "after"]
    assert workers.made == 4


async def test_a_pool_that_is_stopped_leaves_dead_letters(system: ActorSystem) -> None:
    pool = system.spawn(Behaviors.pool(2, Workers()))
    dead = Events(system, DeadLetter)
    pool.tell("early")
    stop(local(pool))
    pool.broadcast("early")
    await settle()
    pool.tell("late")
    pool.broadcast("late")
    assert [letter.message for letter in dead.seen] == ["early", Broadcast("early"), "late", Broadcast("late")]


async def test_a_spy_of_a_pool_sees_its_messages(system: ActorSystem) -> None:
    probe = TestProbe[SpyEvent[Any]](system)
    pool = system.spawn(Behaviors.spy(Behaviors.pool(2, Workers()), probe.ref), "pool")
    await settle()
    pool.tell("seen")
    event = await probe.receive()
    assert (event.actor_path, event.event) == ("/pool", "seen")
    with pytest.raises(ActorFailedError, match="/pool/2 failed on Fail"):
        await pool.ask(failing, timeout=60.0)


async def test_a_pool_that_a_setup_returns_is_a_router_as_well(system: ActorSystem) -> None:
    workers = Workers()

    async def setup(_: object) -> Behavior[Message]:
        return Behaviors.pool(2, workers)

    pool = system.spawn(Behaviors.setup(setup), "pool")
    assert [await pool.ask(GetPath()) for _ in range(3)] == ["/pool/1", "/pool/2", "/pool/1"]
    with pytest.raises(ActorFailedError, match="/pool/2 failed on Fail"):
        await pool.ask(failing, timeout=60.0)


async def test_a_pool_is_a_child_like_any_other(system: ActorSystem) -> None:
    async def setup(ctx: Any) -> Behavior[Any]:
        pool: RouterRef[Message] = ctx.spawn(Behaviors.pool(2, Workers()), "pool")
        ctx.pipe_to_self(pool.ask(GetPath()))

        async def receive(ctx: Any, message: Any) -> Behavior[Any]:
            probe.ref.tell(message)
            return Behaviors.same()

        return Behaviors.receive(receive)

    probe = TestProbe[Any](system)
    system.spawn(Behaviors.setup(setup), "parent")
    assert await probe.receive() == "/parent/pool/1"


async def test_pools_of_pools_route_to_the_innermost(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(2, lambda: Behaviors.pool(2, workers)), "pool")
    await settle()
    found = [await pool.ask(GetPath()) for _ in range(4)]
    assert found == ["/pool/1/1", "/pool/2/1", "/pool/1/2", "/pool/2/2"]


async def test_a_child_that_awaits_its_own_pool_of_one_is_a_deadlock(system: ActorSystem) -> None:
    async def receive(ctx: Any, message: GetPath) -> Behavior[GetPath]:
        with pytest.raises(DeadlockError, match="/pool/1 asks /pool/1"):
            await pool.ask(GetPath())
        message.reply_to.tell("noticed")
        return Behaviors.same()

    pool = system.spawn(Behaviors.pool(1, lambda: Behaviors.receive(receive)), "pool")
    await settle()
    assert await pool.ask(GetPath()) == "noticed"


async def test_a_pool_of_thousands_starts_and_stops(system: ActorSystem) -> None:
    workers = Workers()
    pool = system.spawn(Behaviors.pool(5_000, workers), "pool")
    await settle()
    for _ in range(3_000):
        pool.tell(Stop())
    await settle()
    pool.broadcast("left")
    await settle()
    assert len(workers.seen) == 2_000
