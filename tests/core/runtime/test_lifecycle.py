"""The order in which hooks run, and what their failures do."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from casty import (
    ActorRestarted,
    ActorStarted,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    OneForOneStrategy,
)
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, begins, does, fails, turns

type Hook = Callable[[Ctx], Awaitable[None]]


class Diary:
    """Hooks that write down their names."""

    def __init__(self, *failing: str) -> None:
        self.lines: list[str] = []
        self.failing = set(failing)

    def hook(self, name: str) -> Hook:
        async def hook(_ctx: Ctx) -> None:
            self.write(name)

        return hook

    def write(self, line: str) -> None:
        self.lines.append(line)
        if line in self.failing:
            self.failing.remove(line)
            raise Boom(line)

    def around(self, behavior: Behavior[str], prefix: str = "") -> Behavior[str]:
        async def pre_restart(_ctx: Ctx, error: BaseException) -> None:
            self.write(f"{prefix}pre_restart")
            assert isinstance(error, Boom)

        return Behaviors.with_lifecycle(
            behavior,
            pre_start=self.hook(f"{prefix}pre_start"),
            post_stop=self.hook(f"{prefix}post_stop"),
            pre_restart=pre_restart,
            post_restart=self.hook(f"{prefix}post_restart"),
        )


def supervised(behavior: Behavior[str]) -> Behavior[str]:
    return Behaviors.supervise(behavior, OneForOneStrategy())


async def test_hooks_run_in_order_at_a_restart(system: ActorSystem) -> None:
    diary = Diary()

    def start(ctx: Ctx) -> Behavior[str]:
        diary.write("setup")
        ctx.spawn(Behaviors.with_lifecycle(does(fails), post_stop=diary.hook("child stops")), "child")
        return does(fails)

    ref = system.spawn(supervised(diary.around(begins(start))))
    ref.tell("x")
    ref.tell("stop")
    await settle()
    assert diary.lines == [
        "pre_start",
        "setup",
        "pre_restart",
        "child stops",
        "pre_start",
        "setup",
        "post_restart",
        "child stops",
        "post_stop",
    ]


async def test_hooks_start_from_the_outside_and_stop_from_the_inside(system: ActorSystem) -> None:
    diary = Diary()
    inner = diary.around(does(lambda ctx, message: None), "inner ")
    ref = system.spawn(diary.around(inner, "outer "))
    ref.tell("stop")
    await settle()
    assert diary.lines == ["outer pre_start", "inner pre_start", "inner post_stop", "outer post_stop"]


async def test_started_restarted_and_stopped_are_published(system: ActorSystem) -> None:
    started, restarted, stopped = (
        Events(system, ActorStarted),
        Events(system, ActorRestarted),
        Events(system, ActorStopped),
    )
    ref = system.spawn(supervised(does(fails)))
    assert await started.receive() == ActorStarted(ref)
    ref.tell("x")
    again = await restarted.receive()
    assert again.ref is ref
    assert isinstance(again.exception, Boom)
    ref.tell("stop")
    assert await stopped.receive() == ActorStopped(ref)
    assert len(started.seen) == 1


@pytest.mark.parametrize("hook", ["pre_start", "pre_restart", "post_restart"])
async def test_b20_a_failing_hook_is_supervised(system: ActorSystem, hook: str) -> None:
    diary, probe = Diary(hook), TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        if message == "boom":
            raise Boom
        probe.ref.tell(message)

    ref = system.spawn(supervised(diary.around(does(action))))
    ref.tell("boom")
    ref.tell("x")
    assert await probe.receive() == "x"
    assert diary.lines.count("pre_start") > 1


@pytest.mark.parametrize("hook", ["pre_start", "pre_restart", "post_restart", "post_stop"])
async def test_b20_a_failing_hook_of_an_unsupervised_actor_stops_it(system: ActorSystem, hook: str) -> None:
    diary, stopped = Diary(hook), Events(system, ActorStopped)

    def action(ctx: Ctx, message: str) -> Behavior[str]:
        return Behaviors.restart()

    once = OneForOneStrategy(max_restarts=1)
    behavior = diary.around(does(fails) if hook.endswith("restart") else does(action))
    ref = system.spawn(Behaviors.supervise(behavior, once) if hook.endswith("restart") else behavior)
    ref.tell("x")
    ref.tell("stop")
    assert (await stopped.receive()).ref is ref


async def test_b20_a_post_stop_that_awaits_a_cancelled_task_does_not_hold_the_stop(system: ActorSystem) -> None:
    diary, stopped = Diary(), Events(system, ActorStopped)

    async def post_stop(_ctx: Ctx) -> None:
        task = asyncio.create_task(asyncio.sleep(3600))
        await turns(2)
        task.cancel()
        await task

    inner = Behaviors.with_lifecycle(does(fails), post_stop=post_stop)
    ref = system.spawn(Behaviors.with_lifecycle(inner, post_stop=diary.hook("outer post_stop")))
    ref.tell("stop")
    assert (await stopped.receive()).ref is ref
    assert diary.lines == ["outer post_stop"]


async def test_a_post_stop_that_takes_too_long_is_cut_short(hasty: ActorSystem) -> None:
    stopped = Events(hasty, ActorStopped)

    async def post_stop(_ctx: Ctx) -> None:
        await asyncio.sleep(3600)

    ref = hasty.spawn(Behaviors.with_lifecycle(does(fails), post_stop=post_stop))
    ref.tell("stop")
    assert (await stopped.receive()).ref is ref


async def test_a_restart_by_wish_counts_as_no_failure(system: ActorSystem) -> None:
    diary, probe, restarted = Diary(), TestProbe[str](system), Events(system, ActorRestarted)

    def action(_ctx: Ctx, message: str) -> object:
        return Behaviors.restart() if message == "again" else probe.ref.tell(message)

    behavior = diary.around(does(action))
    ref = system.spawn(Behaviors.supervise(behavior, OneForOneStrategy(max_restarts=0)))
    for _ in range(5):
        ref.tell("again")
    ref.tell("x")
    assert await probe.receive() == "x"
    assert diary.lines == ["pre_start", *(["pre_start", "post_restart"] * 5)]
    assert restarted.seen == []
