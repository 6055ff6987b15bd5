"""`BehaviorTestKit`: each thing a behavior can do comes out as a value, and nothing is carried out."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorNameError,
    ActorRef,
    Behavior,
    BehaviorError,
    Behaviors,
    Mailbox,
    OneForOneStrategy,
    ScopeError,
    StashOverflowError,
)
from casty.testing import (
    Asked,
    BehaviorTestKit,
    LogEntry,
    NoEffects,
    PipedToSelf,
    Restarted,
    Spawned,
    Stashed,
    Stopped,
    TestInbox,
    TimerCancelled,
    TimerStarted,
    Unhandled,
    Unstashed,
    Unwatched,
    Watched,
    WatchedWith,
)

type Ctx = ActorContext[Any]


async def ignore(_ctx: Ctx, _message: str) -> Behavior[str]:
    return Behaviors.same()


CHILD = Behaviors.receive(ignore)


def does(action: Callable[[Ctx, Any], object]) -> Behavior[Any]:
    """An actor that calls `action` and goes on with what it returns, if that is anything."""

    async def handler(ctx: Ctx, message: Any) -> Any:
        following = action(ctx, message)
        return Behaviors.same() if following is None else following

    return Behaviors.receive(handler)


@dataclass(frozen=True)
class Question:
    reply_to: ActorRef[str]


def test_a_child_is_an_effect_and_an_inbox() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.spawn(CHILD, message).tell("hello") or None))
    kit.run("a")
    assert kit.expect_effect(Spawned(CHILD, "a")) == Spawned(CHILD, "a")
    kit.child_inbox("a").expect_message("hello")
    kit.run(None)
    assert kit.expect_effect(Spawned).name == "$1"
    with pytest.raises(AssertionError, match=r"no child 'b'; its children: 'a', '\$1'"):
        kit.child_inbox("b")


def test_a_child_is_stopped_and_its_name_is_free() -> None:
    def action(ctx: Ctx, message: str) -> None:
        if message == "stop":
            ctx.stop(ctx.children[0])
        else:
            ctx.spawn(CHILD, message, mailbox=Mailbox(1))

    kit = BehaviorTestKit(does(action))
    kit.run("a")
    with pytest.raises(ActorNameError, match=r"named 'a'; it has \['a'\]"):
        kit.run("a")
    with pytest.raises(ActorNameError):
        kit.run("a/b")
    kit.run("stop")
    first = kit.child_inbox("a").ref
    kit.run("a")
    assert kit.retrieve_effects() == [Spawned(CHILD, "a", Mailbox(1)), Stopped(first), Spawned(CHILD, "a", Mailbox(1))]
    assert kit.child_inbox("a").ref != first


def test_stops_itself_and_nobody_strange() -> None:
    stranger = TestInbox[str]("/stranger")
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.stop(message)))
    with pytest.raises(ValueError, match="not /stranger"):
        kit.run(stranger.ref)
    assert kit.is_alive
    kit.run(kit.ref)
    assert not kit.is_alive
    kit.expect_effect(Stopped(kit.ref))


def test_watching_and_timers_are_effects() -> None:
    other = TestInbox[str]().ref

    def action(ctx: Ctx, _message: str) -> None:
        ctx.watch(other)
        ctx.watch_with(other, "gone")
        ctx.unwatch(other)
        ctx.timers.start("beat", "tick", every=1.0)
        ctx.timers.start("once", "late", after=2.0)
        ctx.timers.cancel("beat")

    kit = BehaviorTestKit(does(action))
    kit.run("x")
    assert kit.retrieve_effects() == [
        Watched(other),
        WatchedWith(other, "gone"),
        Unwatched(other),
        TimerStarted("beat", "tick", every=1.0),
        TimerStarted("once", "late", after=2.0),
        TimerCancelled("beat"),
    ]
    kit.expect_effect(NoEffects())


def test_a_timer_is_either_periodic_or_single() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.timers.start("key", message)))
    with pytest.raises(ValueError, match="every= or after="):
        kit.run("x")


def test_another_effect_fails_and_all_are_shown() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.timers.cancel(message)))
    with pytest.raises(AssertionError, match="the effect a Spawned, but there is nothing"):
        kit.expect_effect(Spawned)
    kit.run("a")
    kit.run("b")
    with pytest.raises(AssertionError, match=r"there is TimerCancelled\(key='a'\), TimerCancelled\(key='b'\)"):
        kit.expect_effect(NoEffects())
    with pytest.raises(AssertionError, match="the effect TimerCancelled"):
        kit.expect_effect(TimerCancelled("b"))
    kit.expect_effect(TimerCancelled("a"))


def test_an_ask_is_answered_by_the_test() -> None:
    service = TestInbox[Question]()

    def action(ctx: Ctx, message: str) -> None:
        if message == "ask":
            ctx.ask(service.ref, Question, lambda answer: f"answer: {answer}", timeout=2.0)

    kit = BehaviorTestKit(does(action))
    kit.run("ask")
    question = service.expect_message(Question)
    kit.expect_effect(Asked(service.ref, question, 2.0))
    question.reply_to.tell("yes")
    assert kit.run_one() == "answer: yes"
    with pytest.raises(AssertionError, match="is empty"):
        kit.run_one()


def test_an_adapter_tells_the_actor() -> None:
    refs = list[ActorRef[int]]()
    kit = BehaviorTestKit(does(lambda ctx, message: refs.append(ctx.message_adapter(str))))
    kit.run("x")
    refs[0].tell(7)
    kit.self_inbox.expect_message("7")


async def double(number: int) -> int:
    return 2 * number


async def fail() -> int:
    raise ValueError("lost")


def test_what_is_piped_is_told_to_the_actor() -> None:
    def action(ctx: Ctx, message: object) -> None:
        match message:
            case int():
                ctx.pipe_to_self(double(message), str)
            case "failure":
                ctx.pipe_to_self(fail(), on_failure=repr)
            case _:
                ctx.pipe_to_self(fail())

    kit = BehaviorTestKit(does(action))
    kit.run(4)
    kit.expect_effect(PipedToSelf("8"))
    kit.self_inbox.expect_message("8")
    kit.run("failure")
    kit.expect_effect(PipedToSelf("ValueError('lost')"))
    with pytest.raises(ValueError, match="lost"):
        kit.run("neither")


def test_what_is_unstashed_is_run_before_the_next_message() -> None:
    handled = list[str]()

    def open_(_ctx: Ctx, message: str) -> Behavior[Any] | None:
        if message == "again":
            return does(closed)
        handled.append(message)
        return None

    def closed(ctx: Ctx, message: str) -> Behavior[Any] | None:
        if message == "open":
            ctx.unstash_all()
            return does(open_)
        ctx.stash(message)
        return None

    kit = BehaviorTestKit(does(closed))
    for message in ("a", "b", "open"):
        kit.run(message)
    assert handled == ["a", "b"]
    assert kit.retrieve_effects() == [Stashed("a"), Stashed("b"), Unstashed(("a", "b"))]
    kit.run("again")
    kit.run("open")
    assert handled == ["a", "b"]


def test_the_stash_is_as_bounded_as_ever() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.stash(message)))
    for number in range(1000):
        kit.run(number)
    with pytest.raises(StashOverflowError):
        kit.run(1000)


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
    with pytest.raises(BehaviorError, match="answered 'x', which is no behavior"):
        kit.run("x")
    with pytest.raises(BehaviorError, match="SameBehavior"):
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


def test_log_lines_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    def action(ctx: Ctx, message: str) -> None:
        ctx.log.info("got %s", message)
        try:
            raise ValueError
        except ValueError:
            ctx.log.exception("failed")

    kit = BehaviorTestKit(does(action))
    kit.run("x")
    assert kit.log_entries[0] == LogEntry(logging.INFO, "got x")
    assert (kit.log_entries[1].level, type(kit.log_entries[1].exception)) == (logging.ERROR, ValueError)
    assert caplog.records == []


def test_has_the_parent_that_it_is_given() -> None:
    parent = TestInbox[str]()

    def action(ctx: Ctx, message: str) -> None:
        if ctx.parent is not None:
            ctx.parent.tell(message)

    BehaviorTestKit(does(action), parent=parent.ref).run("x")
    parent.expect_message("x")
    BehaviorTestKit(does(action)).run("x")
    parent.expect_no_message()


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


async def sleeps(_ctx: Ctx, _message: object) -> Behavior[Any]:
    await asyncio.sleep(1.0)
    return Behaviors.same()


async def test_a_handler_that_suspends_needs_a_system() -> None:
    wait = Wait()
    with pytest.raises(AssertionError, match=r"handler of Wait waits .* ActorSystem, with TestProbe") as caught:
        BehaviorTestKit(Behaviors.receive(waits)).run(wait)
    assert wait.ended, f"the handler was left suspended by {caught}"


def test_a_handler_that_wants_an_event_loop_needs_a_system() -> None:
    with pytest.raises(RuntimeError, match="no running event loop") as caught:
        BehaviorTestKit(Behaviors.receive(sleeps)).run("x")
    assert "ActorSystem, with TestProbe" in caught.value.__notes__[0]


def test_the_system_itself_is_not_there() -> None:
    with pytest.raises(AssertionError, match=r"uses ctx\.system"):
        BehaviorTestKit(does(lambda ctx, message: ctx.system.name)).run("x")


def test_an_event_sourced_behavior_has_a_kit_of_its_own() -> None:
    async def on_command(_ctx: Ctx, _state: str, _command: str) -> Behavior[Any]:
        return Behaviors.same()

    behavior = Behaviors.event_sourced(
        entity_id="e", initial_state="", on_event=lambda state, event: state, on_command=on_command
    )
    with pytest.raises(AssertionError, match="use EventSourcedTestKit"):
        BehaviorTestKit(behavior)
