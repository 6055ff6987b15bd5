"""User code may raise anything at all: that is its actor's failure and affects no other actor."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast, override

import pytest
from casty import (
    ActorFailedError,
    ActorRef,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    DeadLetter,
    Directive,
    OneForOneStrategy,
    Terminated,
)
from casty.interruption import raise_unless_failure
from casty.persistence.outbox import Outbox
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import PATIENCE, PATIENT, Boom, Ctx, Events, Question, begins, does, questioning, turns


class Outcome(BaseException):
    """What test frameworks and other libraries raise past every `except Exception`."""


SIGNALS: list[BaseException] = [
    Outcome("expected 3, got 4"),
    BaseExceptionGroup("of a task group", [Outcome(), Boom()]),
    GeneratorExit(),
    asyncio.CancelledError(),
]
signals = pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: type(signal).__name__)


@dataclass
class Once:
    """Raises the first time that it is called."""

    signal: BaseException
    raised: bool = False

    def __call__(self, *_anything: object) -> Any:
        if not self.raised:
            self.raised = True
            raise self.signal

    async def hook(self, *_anything: object) -> None:
        self()


@pytest.fixture
async def brisk() -> AsyncIterator[ActorSystem]:
    """A system that has to stop in good time."""
    async with ActorSystem(config=PATIENT) as system:
        yield system
        async with asyncio.timeout(PATIENCE):
            await system.shutdown()


def answering(first: Callable[[Ctx, Any], object]) -> Behavior[Any]:
    """Answers questions, and does something else with any other message."""

    async def handler(ctx: Ctx, message: Any) -> Behavior[Any]:
        if isinstance(message, Question):
            message.reply_to.tell("alive")
        else:
            first(ctx, message)
        return Behaviors.same()

    return Behaviors.receive(handler)


def in_handler(once: Once) -> Behavior[Any]:
    return answering(once)


def in_setup(once: Once) -> Behavior[Any]:
    return begins(lambda _ctx: once() or answering(lambda _ctx, _message: None))


def in_pre_start(once: Once) -> Behavior[Any]:
    return Behaviors.with_lifecycle(answering(lambda _ctx, _message: None), pre_start=once.hook)


def fails_first(around: Callable[[Behavior[Any]], Behavior[Any]]) -> Behavior[Any]:
    return around(answering(Once(Boom())))


def in_pre_restart(once: Once) -> Behavior[Any]:
    return fails_first(lambda behavior: Behaviors.with_lifecycle(behavior, pre_restart=once.hook))


def in_post_restart(once: Once) -> Behavior[Any]:
    return fails_first(lambda behavior: Behaviors.with_lifecycle(behavior, post_restart=once.hook))


async def work() -> str:
    return "result"


def in_piped_work(once: Once) -> Behavior[Any]:
    return answering(lambda ctx, message: message == "go" and ctx.pipe_to_self(once.hook(), lambda _: "piped"))


def in_mapper(once: Once) -> Behavior[Any]:
    return answering(lambda ctx, message: message == "go" and ctx.pipe_to_self(work(), once))


def in_on_failure(once: Once) -> Behavior[Any]:
    async def failing() -> str:
        raise Boom

    return answering(lambda ctx, message: message == "go" and ctx.pipe_to_self(failing(), on_failure=once))


def in_adapter(once: Once) -> Behavior[Any]:
    return answering(lambda ctx, message: message == "go" and ctx.message_adapter(once).tell("to be adapted"))


def in_ask_factory(once: Once) -> Behavior[Any]:
    return answering(lambda ctx, message: message == "go" and ctx.ask(ctx.self, once, str))


def in_command(once: Once) -> Behavior[Any]:
    async def on_command(_ctx: Any, _state: int, command: Any) -> Behavior[Any]:
        if isinstance(command, Question):
            return Behaviors.persisted([], reply=(command.reply_to, "alive"))
        once()
        return Behaviors.same()

    return Behaviors.event_sourced(
        entity_id="x", initial_state=0, on_event=lambda state, _event: state, on_command=on_command
    )


def in_event(once: Once) -> Behavior[Any]:
    def on_event(state: int, _event: int) -> int:
        once()
        return state

    async def on_command(_ctx: Any, _state: int, command: Any) -> Behavior[Any]:
        if isinstance(command, Question):
            return Behaviors.persisted([1], reply=(command.reply_to, "alive"))
        return Behaviors.persisted([1])

    return Behaviors.event_sourced(entity_id="x", initial_state=0, on_event=on_event, on_command=on_command)


def in_then(once: Once) -> Behavior[Any]:
    async def on_command(_ctx: Any, _state: int, command: Any) -> Behavior[Any]:
        if isinstance(command, Question):
            return Behaviors.persisted([], reply=(command.reply_to, "alive"))
        return Behaviors.persisted([1], then=once)

    return Behaviors.event_sourced(
        entity_id="x", initial_state=0, on_event=lambda state, _event: state, on_command=on_command
    )


PLACES = [
    in_handler,
    in_setup,
    in_pre_start,
    in_pre_restart,
    in_post_restart,
    in_piped_work,
    in_mapper,
    in_on_failure,
    in_adapter,
    in_ask_factory,
    in_command,
    in_event,
    in_then,
]


@signals
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_whatever_user_code_raises_is_a_failure_of_its_actor(
    brisk: ActorSystem,
    place: Callable[[Once], Behavior[Any]],
    signal: BaseException,
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = Once(signal)
    ref: ActorRef[Any] = brisk.spawn(Behaviors.supervise(place(once), OneForOneStrategy(max_restarts=9)), "x")
    ref.tell("go")
    await settle()
    assert once.raised
    assert await brisk.ask(ref, questioning()) == "alive"
    assert "/x failed, and supervision says restart" in caplog.text


class Opaque(Exception):
    """Raises whatever is asked of it, as a proxy whose target is gone: also its class, which `isinstance` reads."""

    @override
    def __getattribute__(self, name: str) -> Any:
        raise Boom(name)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_so_is_an_exception_that_cannot_be_looked_at(
    brisk: ActorSystem, place: Callable[[Once], Behavior[Any]]
) -> None:
    once = Once(Opaque())
    ref: ActorRef[Any] = brisk.spawn(Behaviors.supervise(place(once), OneForOneStrategy(max_restarts=9)))
    ref.tell("go")
    await settle()
    assert once.raised
    assert await brisk.ask(ref, questioning()) == "alive"


@signals
async def test_it_stops_an_unsupervised_actor(brisk: ActorSystem, signal: BaseException) -> None:
    stopped = Events(brisk, ActorStopped)
    probe = TestProbe[Terminated](brisk)
    ref = brisk.spawn(in_handler(Once(signal)), "x")
    probe.watch(ref)
    with pytest.raises(ActorFailedError) as caught:
        await brisk.ask(ref, lambda _reply_to: "go")
    assert caught.value.__cause__ is signal
    assert (await probe.receive()).reason is signal
    assert (await stopped.receive()).ref is ref


@signals
async def test_the_suspended_handler_of_an_actor_may_raise_it_too(brisk: ActorSystem, signal: BaseException) -> None:
    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await asyncio.sleep(0)
        raise signal

    with pytest.raises(ActorFailedError):
        await brisk.ask(brisk.spawn(Behaviors.receive(handler)), lambda _reply_to: "go")


@signals
async def test_a_failure_of_the_supervision_itself_stops_the_actor(brisk: ActorSystem, signal: BaseException) -> None:
    stopped = Events(brisk, ActorStopped)
    strategy = OneForOneStrategy(decider=Once(signal))
    ref = brisk.spawn(Behaviors.supervise(in_handler(Once(Boom())), strategy))
    ref.tell("go")
    assert (await stopped.receive()).ref is ref


async def test_a_decision_that_is_no_directive_stops_the_actor(
    brisk: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    stopped = Events(brisk, ActorStopped)
    strategy = OneForOneStrategy(decider=lambda _error: cast("Directive", "restart"))
    ref = brisk.spawn(Behaviors.supervise(in_handler(Once(Boom())), strategy))
    ref.tell("go")
    assert (await stopped.receive()).ref is ref
    assert "decided 'restart' about Boom, which is no Directive" in caplog.text


@signals
async def test_a_subscriber_that_raises_it_affects_no_other(brisk: ActorSystem, signal: BaseException) -> None:
    seen = list[object]()
    brisk.event_stream.subscribe(DeadLetter, Once(signal))
    brisk.event_stream.subscribe(DeadLetter, seen.append)
    ref = brisk.spawn(does(lambda ctx, message: Behaviors.stopped()))
    ref.tell("stop")
    await settle()
    ref.tell("late")
    assert len(seen) == 1


@signals
async def test_what_a_command_sends_is_delivered_past_a_delivery_that_raises_it(signal: BaseException) -> None:
    outbox, delivered = Outbox(), list[str]()
    outbox.hold(Once(signal), "first")
    outbox.hold(delivered.append, "second")
    outbox.release()
    assert delivered == ["second"]


class Unspeakable(Exception):
    """Fails when it is shown."""

    def __repr__(self) -> str:
        raise Boom

    __str__ = __repr__


async def test_an_exception_that_cannot_be_shown_is_a_failure_like_any_other(brisk: ActorSystem) -> None:
    with pytest.raises(ActorFailedError, match="Unspeakable"):
        await brisk.ask(brisk.spawn(in_handler(Once(Unspeakable()))), lambda _reply_to: "go")


async def test_a_coroutine_that_is_closed_awaits_nothing_more() -> None:
    async def user_code() -> None:
        await asyncio.Event().wait()

    async def calls_user_code() -> None:
        try:
            await user_code()
        except BaseException as error:
            raise_unless_failure(error, another)
            await user_code()

    another = asyncio.ensure_future(turns(1))
    coroutine = calls_user_code()
    coroutine.send(None)
    coroutine.close()  # raises RuntimeError if the coroutine awaits on
    await another


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=["interrupt", "exit"])
def test_a_group_that_holds_the_end_of_the_program_is_one(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        raise_unless_failure(BaseExceptionGroup("", [Boom(), BaseExceptionGroup("", [error])]))
    assert caught.value is error


PROGRAM = """
import asyncio
from casty import ActorSystem, Behaviors

async def handler(ctx, message):
    if {suspended}:
        await asyncio.sleep(0)
    raise BaseExceptionGroup("", [SystemExit(7)])

async def main():
    async with ActorSystem() as system:
        system.spawn(Behaviors.receive(handler)).tell("x")
        await asyncio.sleep(30)

asyncio.run(main())
"""


@pytest.mark.parametrize("suspended", [False, True])
def test_sys_exit_in_a_group_ends_the_program(suspended: bool) -> None:
    program = PROGRAM.format(suspended=suspended)
    ended = subprocess.run([sys.executable, "-c", program], timeout=200, capture_output=True, check=False)
    assert ended.returncode == 7
