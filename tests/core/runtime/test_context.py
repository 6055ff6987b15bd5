"""What the context does beside spawning: pipe_to_self, ask, adapters."""

import asyncio
from collections.abc import Awaitable

import pytest
from casty import ActorRef, ActorStopped, ActorSystem, Behavior, Behaviors, OneForOneStrategy
from casty.errors import ActorStoppedError
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, Question, begins, does, echo, questioning


def describe(error: Exception) -> str:
    return f"failed: {type(error).__name__}"


class Piper:
    """An actor that pipes work to itself and forwards its messages."""

    def __init__(self, system: ActorSystem, awaitable: Awaitable[str], *, caught: bool = True) -> None:
        self.probe = TestProbe[str](system)
        self.stopped = Events(system, ActorStopped)

        def action(ctx: Ctx, message: str) -> Behavior[str] | None:
            match message:
                case "pipe":
                    ctx.pipe_to_self(awaitable, str.upper, describe if caught else None)
                case "again":
                    return Behaviors.restart()
                case _:
                    self.probe.ref.tell(message)
            return None

        self.ref = system.spawn(Behaviors.supervise(does(action), OneForOneStrategy(max_restarts=0)))
        self.ref.tell("pipe")


def future() -> "asyncio.Future[str]":
    return asyncio.get_running_loop().create_future()


async def test_pipe_to_self_tells_the_mapped_result(system: ActorSystem) -> None:
    result = future()
    piper = Piper(system, result)
    assert await piper.probe.receive_all() == []
    result.set_result("x")
    assert await piper.probe.receive() == "X"


async def test_pipe_to_self_tells_the_mapped_failure(system: ActorSystem) -> None:
    result = future()
    piper = Piper(system, result)
    result.set_exception(Boom())
    assert await piper.probe.receive() == "failed: Boom"


async def test_an_unmapped_piped_failure_fails_the_actor(system: ActorSystem) -> None:
    result = future()
    piper = Piper(system, result, caught=False)
    result.set_exception(Boom())
    assert (await piper.stopped.receive()).ref is piper.ref


async def test_work_cancelled_from_outside_is_a_piped_failure(system: ActorSystem) -> None:
    result = future()
    piper = Piper(system, result)
    await settle()
    result.cancel()
    assert await piper.probe.receive() == "failed: RuntimeError"


@pytest.mark.parametrize("end", ["stop", "again"])
async def test_a_stop_or_restart_cancels_what_is_piped(system: ActorSystem, end: str) -> None:
    result = future()
    piper = Piper(system, result)
    await settle()
    piper.ref.tell(end)
    await settle()
    assert result.cancelled()
    assert await piper.probe.receive_all() == []


async def test_ctx_ask_tells_the_mapped_answer(system: ActorSystem) -> None:
    probe, target = TestProbe[str](system), system.spawn(Behaviors.receive(echo))

    def start(ctx: Ctx) -> Behavior[str]:
        ctx.ask(target, questioning("x"), str.upper)
        return does(lambda ctx, message: probe.ref.tell(message))

    system.spawn(begins(start))
    assert await probe.receive() == "X"


async def test_ctx_ask_tells_the_mapped_failure(system: ActorSystem) -> None:
    probe = TestProbe[str](system)
    dead: ActorRef[Question] = system.spawn(Behaviors.stopped())
    await settle()

    def start(ctx: Ctx) -> Behavior[str]:
        ctx.ask(dead, Question, str.upper, on_failure=lambda error: type(error).__name__)
        return does(lambda ctx, message: probe.ref.tell(message))

    system.spawn(begins(start))
    assert await probe.receive() == ActorStoppedError.__name__


def adapting(system: ActorSystem, probe: TestProbe[str], adapters: list[ActorRef[int]]) -> ActorRef[str]:
    def start(ctx: Ctx) -> Behavior[str]:
        adapters.append(ctx.message_adapter(lambda number: str(10 // number)))
        return does(lambda ctx, message: probe.ref.tell(message))

    return system.spawn(Behaviors.supervise(begins(start), OneForOneStrategy()))


async def test_an_adapter_tells_its_owner_the_adapted_message(system: ActorSystem) -> None:
    probe, adapters = TestProbe[str](system), list[ActorRef[int]]()
    adapting(system, probe, adapters)
    await settle()
    adapters[0].tell(5)
    assert await probe.receive() == "2"


async def test_an_adapter_that_fails_fails_its_owner(system: ActorSystem) -> None:
    probe, adapters = TestProbe[str](system), list[ActorRef[int]]()
    adapting(system, probe, adapters)
    await settle()
    adapters[0].tell(0)
    await settle()
    adapters[1].tell(2)
    assert await probe.receive() == "5"


async def test_the_log_names_the_actor(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    probe = TestProbe[str](system)

    def action(ctx: Ctx, message: str) -> None:
        ctx.log.warning("seen %s", message)
        probe.ref.tell("done")

    system.spawn(does(action), "a").tell("x")
    await probe.receive()
    assert "[/a] seen x" in caplog.text
