"""`BehaviorTestKit` and a behavior's life: its answers, its hooks, its end, and what needs a system."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from casty import Behavior, BehaviorError, Behaviors, OneForOneStrategy, ScopeError
from casty.testing import BehaviorTestKit, Restarted, Spawned, Unhandled

from tests.core.testing.actors import CHILD, Ctx, does


def test_answers_are_followed_and_kept() -> None:
    second = does(lambda ctx, message: Behaviors.unhandled())
    kit = BehaviorTestKit(does(lambda ctx, message: second))
    with pytest.raises(AssertionError, match="has not run a message yet"):
        _ = kit.returned_behavior
    kit.run("a")
    assert kit.returned_behavior is second
    kit.run("b")
    kit.expect_effect(Unhandled("b"))
    assert kit.returned_behavior == Behaviors.unhandled()


def test_what_is_no_behavior_is_refused() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: message))
    with pytest.raises(BehaviorError, match="returned 'x', which is not a behavior"):
        kit.run("x")
    with pytest.raises(BehaviorError, match=r"Behaviors\.same\(\) is only for a handler to return"):
        BehaviorTestKit(Behaviors.same())
    with pytest.raises(ScopeError):
        BehaviorTestKit(Behaviors.singleton(lambda: CHILD))


def test_a_stopped_behavior_runs_nothing() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: Behaviors.stopped()))
    kit.run("a")
    assert not kit.is_alive
    with pytest.raises(AssertionError, match="has stopped and cannot handle 'b'"):
        kit.run("b")


def test_ignores_for_ever() -> None:
    kit = BehaviorTestKit[str](Behaviors.ignore())
    kit.run("a")
    assert (kit.is_alive, kit.returned_behavior) == (True, Behaviors.same())


def test_starts_and_restarts_and_stops_with_its_hooks() -> None:
    order = list[str]()

    def hook(name: str) -> Callable[[Ctx], Any]:
        async def run(_ctx: Ctx) -> None:
            order.append(name)

        return run

    async def set_up(ctx: Ctx) -> Behavior[str]:
        order.append("setup")
        ctx.spawn(CHILD, "child")
        return does(lambda ctx, message: Behaviors.restart() if message == "again" else Behaviors.stopped())

    wrapped = Behaviors.with_lifecycle(
        Behaviors.supervise(Behaviors.setup(set_up), OneForOneStrategy()),
        pre_start=hook("pre_start"),
        post_stop=hook("post_stop"),
        post_restart=hook("post_restart"),
    )
    kit = BehaviorTestKit(wrapped)
    assert order == ["pre_start", "setup"]
    kit.run("again")
    assert [type(effect) for effect in kit.retrieve_effects()] == [Spawned, Restarted, Spawned]
    kit.run("stop")
    assert order[2:] == ["pre_start", "setup", "post_restart", "post_stop"]


def test_a_restart_forgets_the_hooks_of_what_came_later() -> None:
    stopped = list[str]()

    async def post_stop(_ctx: Ctx) -> None:
        stopped.append("later")

    later = Behaviors.with_lifecycle(does(lambda ctx, message: Behaviors.restart()), post_stop=post_stop)
    kit = BehaviorTestKit(does(lambda ctx, message: later if message == "later" else Behaviors.stopped()))
    for message in ("later", "restart", "stop"):
        kit.run(message)
    assert (kit.is_alive, stopped) == (False, [])


def test_setup_may_stop_at_once() -> None:
    async def set_up(ctx: Ctx) -> Behavior[str]:
        return Behaviors.stopped()

    assert not BehaviorTestKit(Behaviors.setup(set_up)).is_alive


def test_an_exception_comes_out_and_changes_nothing() -> None:
    def action(_ctx: Ctx, message: str) -> None:
        if message == "boom":
            raise ValueError(message)

    kit = BehaviorTestKit(Behaviors.supervise(does(action), OneForOneStrategy()))
    with pytest.raises(ValueError, match="boom"):
        kit.run("boom")
    kit.run("fine")
    assert kit.is_alive


@dataclass(slots=True)
class Wait:
    """For something that does not come."""

    ended: bool = False


async def waits(_ctx: Ctx, message: Wait) -> Behavior[Any]:
    try:
        await asyncio.Event().wait()
    finally:
        message.ended = True
    return Behaviors.same()


async def test_a_handler_that_suspends_needs_a_system() -> None:
    wait = Wait()
    with pytest.raises(AssertionError, match=r"handler of Wait waits .* ActorSystem with a TestProbe") as caught:
        BehaviorTestKit(Behaviors.receive(waits)).run(wait)
    assert wait.ended, f"the handler was left suspended by {caught}"
    assert f" at {__file__}:{waits.__code__.co_firstlineno + 2} (await asyncio.Event().wait())" in str(caught.value)


async def sleeps() -> object:
    return await asyncio.sleep(1.0)


async def limits_its_time() -> object:
    async with asyncio.timeout(1.0):
        return await nothing()


async def opens_a_group() -> object:
    async with asyncio.TaskGroup():
        return None


async def starts_a_task() -> object:
    work = nothing()
    try:
        return asyncio.create_task(work)
    finally:
        work.close()


async def goes_into_a_thread() -> object:
    return await asyncio.to_thread(print)


async def takes_the_loop() -> object:
    return asyncio.get_running_loop()


async def nothing() -> None: ...


@pytest.mark.parametrize(
    ("work", "line", "call"),
    [
        (sleeps, 1, "calls sleep of asyncio"),
        (limits_its_time, 1, "calls timeout of asyncio"),
        (opens_a_group, 1, "of asyncio"),
        (starts_a_task, 3, "calls create_task of asyncio"),
        (goes_into_a_thread, 1, "calls to_thread of asyncio"),
        (takes_the_loop, 1, "needs an event loop"),
    ],
)
def test_a_call_that_wants_an_event_loop_is_named(
    work: Callable[[], Coroutine[Any, Any, object]], line: int, call: str
) -> None:
    async def handler(_ctx: Ctx, _message: str) -> Behavior[Any]:
        await work()
        return Behaviors.same()

    with pytest.raises(AssertionError, match=r"handler of str .* ActorSystem with a TestProbe") as caught:
        BehaviorTestKit(Behaviors.receive(handler)).run("x")
    assert call in str(caught.value)
    assert f" at {__file__}:{work.__code__.co_firstlineno + line} (" in str(caught.value)


def test_a_runtime_error_of_the_handlers_own_stays_what_it_is() -> None:
    def action(_ctx: Ctx, _message: str) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match=r"^broken$"):
        BehaviorTestKit(does(action)).run("x")


def test_an_event_sourced_behavior_has_a_kit_of_its_own() -> None:
    async def on_command(_ctx: Ctx, _state: str, _command: str) -> Behavior[Any]:
        return Behaviors.same()

    behavior = Behaviors.event_sourced(
        entity_id="e", initial_state="", on_event=lambda state, event: state, on_command=on_command
    )
    with pytest.raises(AssertionError, match="use EventSourcedTestKit"):
        BehaviorTestKit(behavior)


def test_a_router_needs_a_system() -> None:
    with pytest.raises(AssertionError, match="a router needs an actor system"):
        BehaviorTestKit(Behaviors.pool(2, Behaviors.ignore))
