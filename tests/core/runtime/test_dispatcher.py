"""Handlers beside one another: tasks, cancellation, context variables, fairness."""

import asyncio
from contextvars import ContextVar

import pytest
from casty import ActorStopped, ActorSystem, Behavior, Behaviors, OneForOneStrategy
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, does, turns

USER: ContextVar[str] = ContextVar("user", default="none")


async def test_a_suspended_handler_does_not_hold_other_actors(system: ActorSystem) -> None:
    gate, probe = asyncio.Event(), TestProbe[str](system)

    async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
        await gate.wait()
        probe.ref.tell(message)
        return Behaviors.same()

    slow, quick = (
        system.spawn(Behaviors.receive(handler)),
        system.spawn(does(lambda ctx, message: probe.ref.tell(message))),
    )
    slow.tell("slow")
    quick.tell("quick")
    assert await probe.receive() == "quick"
    gate.set()
    assert await probe.receive() == "slow"


async def test_context_variables_stay_with_their_actor(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(_ctx: Ctx, message: str) -> None:
        probe.ref.tell(f"{message} sees {USER.get()}")
        USER.set(message)

    a, b = system.spawn(does(action)), system.spawn(does(action))
    USER.set("the test")
    a.tell("a")
    b.tell("b")
    await settle()
    a.tell("c")
    b.tell("d")
    assert sorted(await probe.receive_n(4)) == ["a sees none", "b sees none", "c sees a", "d sees b"]
    assert USER.get() == "the test"


async def test_context_variables_survive_a_suspension(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
        USER.set(message)
        await turns(3)
        probe.ref.tell(f"{message} sees {USER.get()}")
        return Behaviors.same()

    for name in "ab":
        system.spawn(Behaviors.receive(handler)).tell(name)
    assert sorted(await probe.receive_n(2)) == ["a sees a", "b sees b"]


async def test_timeouts_and_task_groups_work_in_handlers(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    async def part(name: str) -> None:
        await turns(2)
        probe.ref.tell(name)

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        me = asyncio.current_task()
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)
        except TimeoutError:
            probe.ref.tell("timed out")
        async with asyncio.TaskGroup() as group:
            for name in "ab":
                group.create_task(part(name))
        assert asyncio.current_task() is me
        assert me is not None
        assert not me.cancelling()
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    ref.tell("x")
    ref.tell("y")
    assert await probe.receive_n(6) == ["timed out", "a", "b"] * 2


async def test_handlers_that_are_suspended_at_once_have_tasks_of_their_own(system: ActorSystem) -> None:
    tasks, gate = set[object](), asyncio.Event()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        tasks.add(asyncio.current_task())
        await gate.wait()
        return Behaviors.same()

    for _ in range(5):
        system.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    gate.set()
    assert len(tasks) == 5


async def test_a_cancelled_error_out_of_nothing_is_a_failure(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(_ctx: Ctx, message: str) -> None:
        if message == "boom":
            raise asyncio.CancelledError
        probe.ref.tell(message)

    ref = system.spawn(Behaviors.supervise(does(action), OneForOneStrategy(max_restarts=1)))
    ref.tell("boom")
    ref.tell("x")
    assert await probe.receive() == "x"


async def test_a_handler_whose_task_is_cancelled_stops_its_actor_only(system: ActorSystem) -> None:
    stopped, probe, tasks = Events(system, ActorStopped), TestProbe[str](system), list[asyncio.Task[object]]()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        me = asyncio.current_task()
        assert me is not None
        tasks.append(me)
        await asyncio.sleep(3600)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    ref.tell("x")
    await settle()
    tasks[0].cancel()
    assert (await stopped.receive()).ref is ref
    probe.ref.tell("x")
    assert await probe.receive() == "x"


async def test_a_flood_does_not_starve_other_actors_nor_timers(system: ActorSystem) -> None:
    handled, probe = 0, TestProbe[int](system)

    def action(ctx: Ctx, message: str) -> None:
        nonlocal handled
        handled += 1
        if handled < 1_000_000:
            ctx.self.tell(message)

    flooded = system.spawn(does(action))
    flooded.tell("x")
    await turns(2)
    probe.ref.tell(1)
    assert await probe.receive() == 1
    await asyncio.sleep(0.001)
    assert handled < 1_000_000
    flooded.tell("stop")


async def test_a_failing_flood_does_not_starve_others(system: ActorSystem) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        ctx.self.tell(message)
        raise Boom

    ref = system.spawn(Behaviors.supervise(does(action), OneForOneStrategy(max_restarts=10**9)))
    ref.tell("x")
    await turns(3)
    probe.ref.tell("x")
    assert await probe.receive() == "x"
    ref.tell("stop")


@pytest.mark.parametrize("rounds", [1, 1000])
async def test_an_actor_handles_a_long_queue_in_order(system: ActorSystem, rounds: int) -> None:
    seen = list[str]()

    async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
        seen.append(message)
        if len(seen) % 100 == 50:
            await asyncio.sleep(0)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    for number in range(rounds):
        ref.tell(str(number))
    await settle()
    assert seen == [str(number) for number in range(rounds)]
