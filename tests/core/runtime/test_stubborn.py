"""User code that ignores its cancellation: a shutdown ends all the same, and names it."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from casty import (
    ActorRef,
    ActorStopped,
    ActorSystem,
    Behavior,
    Behaviors,
    CastyConfig,
    MailboxOverflowStrategy,
    OneForOneStrategy,
)
from casty.config import SystemConfig
from casty.runtime.cell import STOPPED, Cell, LocalRef
from casty.runtime.mailbox import Bounded
from casty.testing import TestProbe, settle

from tests.core.runtime.probe import Boom, Ctx, Events, begins, does, nothing
from tests.core.runtime.stubborn import ENOUGH, Stubborn, hasty_config, stubborn


def in_handler(code: Stubborn) -> Behavior[Any]:
    return Behaviors.receive(code.wait)


def in_setup(code: Stubborn) -> Behavior[Any]:
    async def setup(_ctx: Ctx) -> Behavior[Any]:
        await code.wait()
        return Behaviors.receive(nothing)

    return Behaviors.setup(setup)


def in_pre_start(code: Stubborn) -> Behavior[Any]:
    return Behaviors.with_lifecycle(Behaviors.receive(nothing), pre_start=code.wait)


def in_post_stop(code: Stubborn) -> Behavior[Any]:
    return Behaviors.with_lifecycle(Behaviors.receive(nothing), post_stop=code.wait)


def failing(_ctx: Ctx, _message: str) -> None:
    raise Boom


def in_pre_restart(code: Stubborn) -> Behavior[Any]:
    return Behaviors.supervise(Behaviors.with_lifecycle(does(failing), pre_restart=code.wait), OneForOneStrategy())


def in_post_restart(code: Stubborn) -> Behavior[Any]:
    return Behaviors.supervise(Behaviors.with_lifecycle(does(failing), post_restart=code.wait), OneForOneStrategy())


def in_piped_work(code: Stubborn) -> Behavior[Any]:
    return does(lambda ctx, _message: ctx.pipe_to_self(code.wait()))


def in_command(code: Stubborn) -> Behavior[Any]:
    return Behaviors.event_sourced(
        entity_id="x", initial_state=0, on_event=lambda state, _event: state, on_command=code.wait
    )


PLACES: dict[Callable[[Stubborn], Behavior[Any]], str] = {
    in_handler: "the handler of /x",
    in_setup: "the handler of /x",
    in_pre_start: "the handler of /x",
    in_pre_restart: "the handler of /x",
    in_post_restart: "the handler of /x",
    in_post_stop: "post_stop of /x",
    in_piped_work: "what was piped to /x",
    in_command: "the handler of /x",
}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_a_shutdown_abandons_what_ignores_its_cancellation_and_names_it(
    place: Callable[[Stubborn], Behavior[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    async with stubborn() as code:
        async with asyncio.timeout(ENOUGH), ActorSystem(config=hasty_config()) as system:
            ref = system.spawn(place(code), "x")
            ref.tell("go")
            await settle()
        assert code.cancelled == 1
        assert isinstance(ref, LocalRef)
        assert ref.cell.state == STOPPED
        assert f"{PLACES[place]} has ignored its cancellation" in caplog.text
        assert "/stubborn.py:" in caplog.text


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_what_was_abandoned_may_end_later_and_changes_nothing(place: Callable[[Stubborn], Behavior[Any]]) -> None:
    async with ActorSystem(config=hasty_config()) as system, stubborn() as code, asyncio.timeout(ENOUGH):
        stopped = Events(system, ActorStopped)
        probe = TestProbe[str](system)
        parent: Behavior[str] = begins(
            lambda ctx: Behaviors.with_lifecycle(
                does(lambda ctx, message: ctx.stop(ctx.children[0])),
                pre_start=lambda ctx: told(ctx.spawn(place(code), "x"), "go"),
            )
        )
        ref = system.spawn(parent, "parent")
        await settle()
        ref.tell("stop the child")
        gone = await stopped.receive()
        assert gone.ref.address.path == "/parent/x"
        code.gate.set()
        await code.ended.wait()
        await settle()
        gone.ref.tell("late")  # a dead letter, and no second life
        assert isinstance(gone.ref, LocalRef)
        assert gone.ref.cell.state == STOPPED
        assert not system.kernel.dispatcher.abandoned
        probe.ref.tell("alive")
        assert await probe.receive() == "alive"


async def told(ref: ActorRef[Any], message: Any) -> None:
    ref.tell(message)


async def test_stubborn_actors_within_one_another_do_not_add_up_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    depth = 10

    def nest(code: Stubborn, left: int) -> Behavior[Any]:
        async def handler(ctx: Ctx, _message: str) -> Behavior[Any]:
            if left:
                ctx.spawn(nest(code, left - 1), "x").tell("go")
            return await code.wait()

        return Behaviors.receive(handler)

    async with stubborn() as code:
        system = ActorSystem(config=CastyConfig(system=SystemConfig(stop_timeout=0.2)))
        async with asyncio.timeout(ENOUGH), system:
            system.spawn(nest(code, depth), "x").tell("go")
            await settle()
            began = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - began
    assert caplog.text.count("has ignored its cancellation") == depth + 1
    assert took < 0.2 * 2 * depth  # what it took if each had its full time


async def test_a_thousand_stubborn_actors_share_a_few_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    count = 1_000
    async with stubborn() as code, ActorSystem(config=hasty_config()) as system:
        for _ in range(count):
            system.spawn(in_handler(code)).tell("begin")
        await settle()
        await system.shutdown()
        await settle()
        for text in ("still handles a message", "has ignored its cancellation"):
            lines = [record.getMessage() for record in caplog.records if text in record.getMessage()]
            assert 1 <= len(lines) <= count // 20
            others = [re.search(r"like (\d+) more", line) for line in lines]
            assert sum(1 + int(found[1]) if found else 1 for found in others) == count


async def test_a_restart_does_not_wait_for_ever_for_a_stubborn_child() -> None:
    async with stubborn() as code, ActorSystem(config=hasty_config()) as system, asyncio.timeout(ENOUGH):
        probe = TestProbe[str](system)

        def start(ctx: Ctx) -> Behavior[str]:
            probe.ref.tell("started")
            ctx.spawn(in_handler(code)).tell("go")
            return does(failing)

        system.spawn(Behaviors.supervise(begins(start), OneForOneStrategy())).tell("fail")
        assert await probe.receive_n(2) == ["started", "started"]
        await system.shutdown()


async def test_a_journal_that_does_not_close_holds_up_no_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    async with stubborn() as code:
        async with asyncio.timeout(ENOUGH), ActorSystem(config=hasty_config()) as system:
            system.kernel.journals.close = code.wait
        assert "closing the journals has ignored its cancellation" in caplog.text


async def test_a_shutdown_goes_on_without_the_task_that_awaited_it(system: ActorSystem) -> None:
    gate, stopped = asyncio.Event(), Events(system, ActorStopped)

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    system.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    waiting = asyncio.ensure_future(system.shutdown())
    await settle()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    gate.set()
    await stopped.receive()
    await system.shutdown()


async def test_a_program_that_ends_during_a_shutdown_still_closes_the_journals(system: ActorSystem) -> None:
    closed, close = asyncio.Event(), system.kernel.journals.close

    async def noticed() -> None:
        await close()
        closed.set()

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await asyncio.Event().wait()
        return Behaviors.same()

    system.kernel.journals.close = noticed
    system.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    waiting = asyncio.ensure_future(system.shutdown())
    await settle()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(ENOUGH):
        await closed.wait()


@pytest.mark.parametrize("shut_down_in", ["post_stop", "handler", "piped"])
async def test_a_second_shutdown_from_inside_an_actor_ends(shut_down_in: str) -> None:
    async with asyncio.timeout(ENOUGH), ActorSystem(config=hasty_config()) as system:

        async def hook(_ctx: Ctx) -> None:
            if shut_down_in == "post_stop":
                await system.shutdown()

        async def handler(ctx: Ctx, _message: str) -> Behavior[str]:
            if shut_down_in == "handler":
                await system.shutdown()
            elif shut_down_in == "piped":
                shutdown: Awaitable[Any] = system.shutdown()
                ctx.pipe_to_self(shutdown)
            return Behaviors.same()

        system.spawn(Behaviors.with_lifecycle(Behaviors.receive(handler), post_stop=hook)).tell("x")
        await settle()
        await system.shutdown()


async def test_an_actor_that_cannot_stop_in_order_is_gone_all_the_same(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Bounded):
        def read(self, cell: Cell) -> None:
            raise Boom

    stopped = Events(system, ActorStopped)
    ref = system.spawn(does(lambda ctx, message: None), "x")
    assert isinstance(ref, LocalRef)
    ref.tell("stop")
    ref.cell.admission = Broken(10, MailboxOverflowStrategy.reject)
    assert (await stopped.receive()).ref is ref
    assert "/x could not stop in order" in caplog.text
    async with asyncio.timeout(ENOUGH):
        await system.shutdown()


PROGRAM = """
import asyncio
from casty import ActorSystem, Behaviors, CastyConfig
from casty.config import SystemConfig

async def handler(ctx, message):
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def main():
    async with ActorSystem(config=CastyConfig(system=SystemConfig(stop_timeout=0.05))) as system:
        system.spawn(Behaviors.receive(handler), "x").tell("x")
        await asyncio.sleep(0)
    print("stopped", flush=True)

asyncio.run(main())
"""


def test_a_program_ends_though_a_handler_ignores_its_cancellation() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], timeout=200, capture_output=True, check=False, text=True)
    assert (ended.returncode, ended.stdout) == (0, "stopped\n")
    assert "the handler of /x has ignored its cancellation" in ended.stderr
