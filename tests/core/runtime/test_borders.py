"""Mistakes in the arguments of a system and of a context are errors where they are made, and nothing has happened."""

# The point is to hand over what a type checker would refuse.
# pyright: reportUnknownLambdaType=false

import time
from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from casty import (
    ActorNameError,
    ActorSystem,
    ArgumentError,
    Behavior,
    BehaviorError,
    Behaviors,
    DeadLetter,
    Mailbox,
    OneForOneStrategy,
)
from casty.testing import TestProbe, settle

TIMES = [None, nan, -1.0, -1, True, "5"]


async def job() -> str:
    return "done"


async def async_factory(reply_to: Any) -> Any:
    return reply_to


def ignoring() -> Behavior[Any]:
    return Behaviors.ignore()


@pytest.mark.parametrize("name", ["", 7, b"a", "a/b", "/", "half \ud800", "a" * 256, "tab\t", ("a",)])
async def test_what_cannot_be_a_name_is_refused(system: ActorSystem, name: Any) -> None:
    with pytest.raises(ActorNameError, match="cannot name an actor"):
        system.spawn(ignoring(), name)


@pytest.mark.parametrize("name", ["user%20name", "50%d", "%s %s", "{}", "{0.x}", "ünï", "a b", "\U0001f600"])
async def test_any_other_text_is_a_name(system: ActorSystem, name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: Any, message: Any) -> Behavior[Any]:
        ctx.log.warning("got %s", message)
        raise ValueError(message)

    probe = TestProbe[Any](system)
    probe.watch(ref := system.spawn(Behaviors.receive(handler), name))
    ref.tell("hello")
    await probe.expect_terminated(ref)
    ref.tell("late")
    assert f"/{name}] got hello" in caplog.text
    assert f"/{name}" in caplog.text


@pytest.mark.parametrize("mailbox", [10, "drop_new", Mailbox, 0, False])
async def test_what_is_no_mailbox_is_refused(system: ActorSystem, mailbox: Any) -> None:
    with pytest.raises(ArgumentError, match=r"mailbox is Mailbox\(capacity=\.\.\.\)"):
        system.spawn(ignoring(), "a", mailbox=mailbox)
    assert system.lookup("/a") is None


@pytest.mark.parametrize("behavior", [ignoring, Behavior, type(Behaviors.ignore()), None, "actor", job])
async def test_what_is_no_behavior_is_not_spawned(system: ActorSystem, behavior: Any) -> None:
    with pytest.raises(BehaviorError, match="an actor takes a behavior such as"):
        system.spawn(behavior, "a")
    assert system.lookup("/a") is None


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Behaviors.same(), r"Behaviors\.same\(\) is only for a handler to return"),
        (Behaviors.unhandled(), r"Behaviors\.unhandled\(\) is only for a handler to return"),
        (Behaviors.restart(), r"Behaviors\.restart\(\) is only for a handler to return"),
        (Behaviors.persisted([1]), "only for the on_command of Behaviors.event_sourced"),
        (Behaviors.updated(1), "only for the on_command of Behaviors.durable_state"),
        (Behaviors.supervise(Behaviors.same(), OneForOneStrategy()), "only for a handler to return"),
    ],
)
async def test_what_is_only_an_answer_is_not_spawned(system: ActorSystem, answer: Any, text: str) -> None:
    with pytest.raises(BehaviorError, match=text):
        system.spawn(answer, "a")
    assert system.lookup("/a") is None


SYSTEM: dict[str, tuple[Callable[[], object], str]] = {
    "no name": (lambda: ActorSystem(""), "name of ActorSystem is a text"),
    "a number for a name": (lambda: ActorSystem(7), "name of ActorSystem is a text"),  # pyright: ignore[reportArgumentType]
    "half a surrogate": (lambda: ActorSystem("a\ud800"), "name of ActorSystem is a text"),
    "a path of a config": (lambda: ActorSystem(config="casty.toml"), r"load_config\(path\)"),  # pyright: ignore[reportArgumentType]
    "a plugin": (lambda: ActorSystem(plugins=pytest), r"write \[plugin\]"),  # pyright: ignore[reportArgumentType]
    "a plugin's name": (lambda: ActorSystem(plugins="a"), "plugins of ActorSystem is a list"),
    "a clock without calls": (lambda: ActorSystem(clock=time), "clock of ActorSystem has the methods"),  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("mistake", SYSTEM)
async def test_a_mistake_in_a_system_says_how_it_is_written(mistake: str) -> None:
    call, text = SYSTEM[mistake]
    with pytest.raises(ArgumentError, match=text):
        call()


async def test_paths_addresses_and_subscribers_are_checked(system: ActorSystem) -> None:
    wrong: Any = system.spawn(ignoring())
    with pytest.raises(ArgumentError, match="lookup takes an absolute path"):
        system.lookup(wrong)
    with pytest.raises(ArgumentError, match="resolve takes an ActorAddress"):
        system.resolve(wrong)
    with pytest.raises(ArgumentError, match="tell_threadsafe takes a reference"):
        system.tell_threadsafe(system.name, "x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="a subscriber is called with the event"):
        system.event_stream.subscribe(DeadLetter, lambda: None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("timeout", TIMES)
async def test_times_of_the_system_are_numbers_of_seconds(system: ActorSystem, timeout: Any) -> None:
    probe = TestProbe[Any](system)
    for call in (
        lambda: system.tick("t", probe.ref, "x", timeout),
        lambda: system.schedule("s", probe.ref, "x", timeout),
    ):
        with pytest.raises(ArgumentError, match="is a number of seconds"):
            call()
    with pytest.raises(ArgumentError, match="timeout of ask is a number of seconds"):
        await system.ask(probe.ref, lambda reply_to: reply_to, timeout)
    await settle()


async def test_an_ask_that_is_refused_sends_nothing(system: ActorSystem) -> None:
    letters = list[DeadLetter]()
    system.event_stream.subscribe(DeadLetter, letters.append)
    handled = list[Any]()

    async def handler(ctx: Any, message: Any) -> Behavior[Any]:
        handled.append(message)
        return Behaviors.same()

    ref = system.spawn(Behaviors.receive(handler))
    ask: Any = system.ask
    mistakes: list[tuple[Any, str]] = [
        ("message", r"lambda reply_to: str\("),
        (async_factory, "returned a coroutine"),
        (lambda reply_to: None, "made None"),
    ]
    for factory, text in mistakes:
        with pytest.raises(BehaviorError, match=text):
            await ask(ref, factory)
    with pytest.raises(ArgumentError, match="ask takes a reference"):
        await ask("ref", lambda reply_to: reply_to)
    await settle()
    assert handled == []
    assert letters == []


async def test_a_type_error_of_the_factory_itself_is_its_own(system: ActorSystem) -> None:
    ref = system.spawn(ignoring())
    with pytest.raises(TypeError, match="unsupported operand"):
        await system.ask(ref, lambda reply_to: 1 + "1")  # pyright: ignore[reportOperatorIssue]


CONTEXT: dict[str, tuple[Callable[[Any], object], str]] = {
    "a text to watch": (lambda ctx: ctx.watch("x"), r"ctx\.watch takes a reference"),
    "a text to watch with": (lambda ctx: ctx.watch_with("x", 1), r"ctx\.watch_with takes a reference"),
    "a text to unwatch": (lambda ctx: ctx.unwatch("x"), r"ctx\.unwatch takes a reference"),
    "a function to pipe": (lambda ctx: ctx.pipe_to_self(job), r"call it: ctx\.pipe_to_self\(job\(\)\)"),
    "a value to pipe": (lambda ctx: ctx.pipe_to_self(3), "something to await, not 3"),
    "an async mapper": (lambda ctx: ctx.pipe_to_self(job(), async_factory), "mapper of ctx.pipe_to_self takes a plain"),
    "an async failure": (lambda ctx: ctx.pipe_to_self(job(), None, async_factory), "on_failure of ctx.pipe_to_self"),
    "a mapper of two": (lambda ctx: ctx.pipe_to_self(job(), lambda a, b: a), "mapper of ctx.pipe_to_self calls"),
    "a text to stop": (lambda ctx: ctx.stop("x"), r"ctx\.stop takes a reference"),
    "a text to ask": (lambda ctx: ctx.ask("x", async_factory, str), r"ctx\.ask takes a reference"),
    "a message to ask": (lambda ctx: ctx.ask(ctx.self, "x", str), r"lambda reply_to: str\("),
    "a time to ask": (lambda ctx: ctx.ask(ctx.self, async_factory, str, nan), r"timeout of ctx\.ask"),
    "an async mapper of an ask": (
        lambda ctx: ctx.ask(ctx.self, str, async_factory),
        r"mapper of ctx\.ask takes a plain",
    ),
    "no adapter": (lambda ctx: ctx.message_adapter(None), r"ctx\.message_adapter takes a function"),
    "an async adapter": (lambda ctx: ctx.message_adapter(async_factory), r"ctx\.message_adapter takes a plain"),
    "an adapter of two": (lambda ctx: ctx.message_adapter(lambda a, b: a), r"ctx\.message_adapter calls"),
    "an adapter that is async after all": (
        lambda ctx: ctx.message_adapter(lambda message: async_factory(message)).tell(1),
        r"ctx\.message_adapter has returned a coroutine",
    ),
    "a child's name": (lambda ctx: ctx.spawn(ignoring(), 7), "cannot name an actor"),
    "a negative beat": (lambda ctx: ctx.timers.start("t", 1, every=-1.0), "every= of the timer 't'"),
    "a time that is none": (lambda ctx: ctx.timers.start("t", 1, after=nan), "after= of the timer 't'"),
}


@pytest.mark.parametrize("mistake", CONTEXT)
async def test_a_mistake_in_a_handler_is_a_failure_that_says_how_it_is_written(
    system: ActorSystem, mistake: str
) -> None:
    call, text = CONTEXT[mistake]
    probe = TestProbe[Any](system)

    async def handler(ctx: Any, message: Any) -> Behavior[Any]:
        call(ctx)
        return Behaviors.same()

    probe.watch(ref := system.spawn(Behaviors.receive(handler)))
    ref.tell("go")
    reason = (await probe.expect_terminated(ref)).reason
    with pytest.raises((ArgumentError, BehaviorError, ActorNameError), match=text):
        raise reason or AssertionError("it did not fail")


async def test_a_mapper_that_returns_a_coroutine_fails_the_actor(system: ActorSystem) -> None:
    probe = TestProbe[Any](system)

    async def handler(ctx: Any, message: Any) -> Behavior[Any]:
        ctx.pipe_to_self(job(), lambda result: async_factory(result))
        return Behaviors.same()

    probe.watch(ref := system.spawn(Behaviors.receive(handler)))
    ref.tell("go")
    assert isinstance((await probe.expect_terminated(ref)).reason, BehaviorError)
