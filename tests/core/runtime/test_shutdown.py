"""The end of a system, and of handlers that do not end by themselves."""

import asyncio
import subprocess
import sys

import pytest
from casty import ActorStopped, ActorSystem, Behavior, Behaviors, DeadLetter, OneForOneStrategy
from casty.errors import ActorStoppedError, SystemStoppedError
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Ctx, Events, Family, begins, does, nothing


async def forever(_ctx: Ctx, _message: str) -> Behavior[str]:
    await asyncio.sleep(3600)
    return Behaviors.same()


async def test_children_stop_before_parents_and_users_before_internals(system: ActorSystem) -> None:
    stopped = Events(system, ActorStopped)
    system.spawn(Behaviors.receive(nothing), "_internal")
    await Family(system, does(lambda ctx, message: None)).started()
    await system.shutdown()
    assert [event.ref.address.path for event in stopped.seen] == ["/parent/child-0", "/parent", "/_internal"]


async def test_the_current_message_is_finished_and_the_queue_becomes_dead_letters(system: ActorSystem) -> None:
    letters, log, gate = Events(system, DeadLetter), list[str](), asyncio.Event()

    async def handler(_ctx: Ctx, message: str) -> Behavior[str]:
        await gate.wait()
        log.append(message)
        return Behaviors.same()

    async def post_stop(_ctx: Ctx) -> None:
        log.append("post_stop")

    ref = system.spawn(Behaviors.with_lifecycle(Behaviors.receive(handler), post_stop=post_stop))
    for message in "abc":
        ref.tell(message)
    await settle()
    ending = asyncio.ensure_future(system.shutdown())
    await settle()
    gate.set()
    await ending
    assert log == ["a", "post_stop"]
    assert [letter.message for letter in letters.seen] == ["b", "c"]


async def test_shutdown_may_be_called_twice_and_at_once(system: ActorSystem) -> None:
    system.spawn(Behaviors.receive(nothing))
    await asyncio.gather(system.shutdown(), system.shutdown())
    await system.shutdown()


async def test_a_system_that_has_stopped_refuses_work_by_name(system: ActorSystem) -> None:
    await system.shutdown()
    with pytest.raises(SystemStoppedError, match="'test' is not running"):
        system.spawn(Behaviors.receive(nothing))


async def test_a_system_that_is_stopping_takes_no_more_actors(system: ActorSystem) -> None:
    probe = list[type[Exception]]()

    async def post_stop(_ctx: Ctx) -> None:
        try:
            system.spawn(Behaviors.receive(nothing))
        except ActorStoppedError as error:
            probe.append(type(error))

    system.spawn(Behaviors.with_lifecycle(Behaviors.receive(nothing), post_stop=post_stop))
    await settle()
    await system.shutdown()
    assert probe == [ActorStoppedError]


async def test_a_system_may_run_again(system: ActorSystem) -> None:
    await system.shutdown()
    async with system:
        probe = TestProbe[str](system)
        probe.ref.tell("x")
        assert await probe.receive() == "x"


async def test_two_systems_share_a_loop() -> None:
    async with ActorSystem("a") as a, ActorSystem("b") as b:
        there = TestProbe[str](b)
        here = a.spawn(does(lambda ctx, message: there.ref.tell(message)), "x")
        here.tell("hello")
        assert await there.receive() == "hello"
        assert b.lookup("/x") is None
        await a.shutdown()
        there.ref.tell("still here")
        assert await there.receive() == "still here"


async def test_a_handler_that_never_ends_is_cancelled_after_the_stop_timeout(hasty: ActorSystem) -> None:
    stopped = Events(hasty, ActorStopped)
    ref = hasty.spawn(Behaviors.supervise(Behaviors.receive(forever), OneForOneStrategy()))
    ref.tell("x")
    await settle()
    await hasty.shutdown()
    assert [event.ref for event in stopped.seen] == [ref]


async def test_a_start_that_never_ends_is_cancelled_after_the_stop_timeout(hasty: ActorSystem) -> None:
    async def start(_ctx: Ctx) -> Behavior[str]:
        await asyncio.sleep(3600)
        return Behaviors.ignore()

    hasty.spawn(Behaviors.setup(start))
    await settle()
    await hasty.shutdown()


async def test_a_handler_may_shut_its_own_system_down(hasty: ActorSystem) -> None:
    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await hasty.shutdown()
        return Behaviors.same()

    hasty.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    async with asyncio.timeout(20.0):
        await hasty.shutdown()


async def test_a_failing_start_does_not_hold_the_shutdown(system: ActorSystem) -> None:
    def start(_ctx: Ctx) -> Behavior[str]:
        raise ValueError

    system.spawn(begins(start))
    async with asyncio.timeout(20.0):
        await system.shutdown()


PROGRAM = """
import asyncio, sys
from casty import ActorSystem, Behaviors

async def handler(ctx, suspended):
    if suspended:
        await asyncio.sleep(0)
    sys.exit(7)

async def main():
    async with ActorSystem() as system:
        system.spawn(Behaviors.receive(handler)).tell({suspended})
        await asyncio.sleep(30)

asyncio.run(main())
"""


@pytest.mark.parametrize("suspended", [False, True])
def test_sys_exit_in_a_handler_ends_the_program(suspended: bool) -> None:
    program = PROGRAM.format(suspended=suspended)
    try:
        ended = subprocess.run([sys.executable, "-c", program], timeout=200, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("the program hangs")
    assert ended.returncode == 7
