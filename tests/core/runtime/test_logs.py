"""What log records about actors say, and what they carry for formatters that write JSON."""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

import pytest
from casty import ActorSystem, Behavior, Behaviors, CastyConfig, OneForOneStrategy
from casty.config import SystemConfig
from casty.testing import settle

from tests.core.runtime.probe import Ctx, does, fails


async def logged(
    system: ActorSystem, caplog: pytest.LogCaptureFixture, action: Callable[[Ctx], object], name: str = "a"
) -> logging.LogRecord:
    """The record of an actor that logs something."""
    caplog.set_level(logging.INFO, "casty.actor")
    system.spawn(does(lambda ctx, message: action(ctx)), name).tell("x")
    await settle()
    return caplog.records[-1]


WAYS = [
    (("got %s", "tea"), "got tea"),
    (("100% done",), "100% done"),
    (("%d of %d", 1, 2), "1 of 2"),
    (("got %(what)s", {"what": "tea"}), "got tea"),
    ((ValueError("as an object"),), "as an object"),
]


@pytest.mark.parametrize("name", ["user%20name", "50%d", "%s", "%(name)s", "plain"])
@pytest.mark.parametrize(("arguments", "text"), WAYS)
async def test_the_log_works_for_every_name_and_every_way_to_log(
    system: ActorSystem, caplog: pytest.LogCaptureFixture, name: str, arguments: tuple[object, ...], text: str
) -> None:
    record = await logged(system, caplog, lambda ctx: ctx.log.info(*arguments), name)
    assert record.getMessage() == f"[/{name}] {text}"


async def test_records_carry_actor_system_and_node(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    record = await logged(system, caplog, lambda ctx: ctx.log.info("x"))
    carried = record.__dict__
    assert (carried["actor"], carried["system"], carried["node"]) == ("/a", system.name, None)


async def test_extra_of_the_callers_own_goes_beside_and_before(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    record = await logged(system, caplog, lambda ctx: ctx.log.info("x", extra={"order": 1, "actor": "mine"}))
    assert (record.__dict__["order"], record.__dict__["actor"]) == (1, "mine")


async def test_records_name_the_line_that_logged(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    def write(ctx: Ctx) -> None:
        ctx.log.info("x")

    record = await logged(system, caplog, write)
    assert (record.funcName, record.pathname) == ("write", __file__)
    assert record.lineno == inspect.getsourcelines(write)[1] + 1


async def test_an_exception_keeps_its_traceback(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    def write(ctx: Ctx) -> None:
        try:
            raise ValueError("broken")
        except ValueError:
            ctx.log.exception("it failed")

    record = await logged(system, caplog, write)
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


async def test_what_is_not_logged_is_not_formatted(system: ActorSystem, caplog: pytest.LogCaptureFixture) -> None:
    class Loud:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    before = len(caplog.records)
    caplog.set_level(logging.INFO, "casty.actor")
    system.spawn(does(lambda ctx, message: ctx.log.debug(Loud()))).tell("x")
    await settle()
    assert len(caplog.records) == before


async def test_lines_of_ours_about_an_actor_carry_the_same(caplog: pytest.LogCaptureFixture) -> None:
    settings = SystemConfig(name="shop", high_water=2, stop_timeout=0.01)
    async with ActorSystem(config=CastyConfig(system=settings)) as system:
        gate = asyncio.Event()

        async def waits(_ctx: Ctx, _message: str) -> Behavior[str]:
            await gate.wait()
            return Behaviors.same()

        system.spawn(Behaviors.supervise(does(fails), OneForOneStrategy(max_restarts=0)), "failed").tell("x")
        gone = system.spawn(Behaviors.stopped(), "gone")
        stuck = system.spawn(Behaviors.receive(waits), "stuck")
        for _ in range(4):
            stuck.tell("x")
        await settle()
        gone.tell("x")
    carried = [(record.__dict__.get("system"), record.__dict__.get("actor")) for record in caplog.records]
    high_water, failed, gone, overdue, left_behind = carried
    assert failed == ("shop", "/failed")
    assert gone == ("shop", "/gone")
    assert high_water == overdue == ("shop", "/stuck")
    assert left_behind == ("shop", None)


@pytest.mark.parametrize("url", ["nothing://x", "memory://a-name"])
async def test_a_journal_that_cannot_be_used_is_a_line_without_a_trace(
    system: ActorSystem, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    async def on_command(_ctx: Ctx, _state: int, _command: str) -> Behavior[Any]:
        return Behaviors.same()

    def on_event(state: int, _event: object) -> int:
        return state

    system.spawn(
        Behaviors.event_sourced(entity_id="e", initial_state=0, on_event=on_event, on_command=on_command, journal=url)
    )
    await settle()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert url.partition(":")[0] in record.getMessage()
    assert not record.exc_info
