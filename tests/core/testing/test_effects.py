"""`BehaviorTestKit`: each thing a behavior can do comes out as a value, and nothing is carried out."""

import logging
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorNameError, ActorRef, Behavior, Mailbox, StashOverflowError
from casty.testing import (
    Asked,
    BehaviorTestKit,
    LogEntry,
    NoEffects,
    Passivated,
    PipedToSelf,
    Spawned,
    Stashed,
    Stopped,
    TestInbox,
    TimerCancelled,
    TimerStarted,
    Unstashed,
    Unwatched,
    Watched,
    WatchedWith,
)

from tests.core.testing.actors import CHILD, Ctx, does


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


def test_stops_itself_and_no_foreign_actor() -> None:
    stranger = TestInbox[str]("/stranger")
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.stop(message)))
    with pytest.raises(ValueError, match="not /stranger"):
        kit.run(stranger.ref)
    assert kit.is_alive
    kit.run(kit.ref)
    assert not kit.is_alive
    kit.expect_effect(Stopped(kit.ref))


def test_passivation_stops_the_entity() -> None:
    kit = BehaviorTestKit(does(lambda ctx, message: ctx.passivate()))
    kit.run("a")
    assert not kit.is_alive
    kit.expect_effect(Passivated())


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


def test_a_piped_result_is_a_message_to_the_actor() -> None:
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


def test_the_system_itself_is_not_there() -> None:
    with pytest.raises(AssertionError, match=r"uses ctx\.system"):
        BehaviorTestKit(does(lambda ctx, message: ctx.system.name)).run("x")
