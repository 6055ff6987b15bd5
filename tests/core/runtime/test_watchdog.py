"""Handlers that hold the event loop are reported, with the line on which they stand, and nothing else is."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable
from time import monotonic, process_time
from typing import Protocol, override

import pytest
from casty import ActorSystem, Behavior, Behaviors, CastyConfig, SlowHandler
from casty.config import SystemConfig
from casty.runtime import garbage
from casty.runtime.watchdog import Watchdog, _Hold
from casty.testing import settle

from tests.core.runtime.probe import Ctx, Events, does

SHORT = 0.05
HOLDS = 0.3


class Warnings(logging.Handler):
    """Counts what the watchdog has logged."""

    count = 0

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.count += "has held the event loop" in record.getMessage()


warnings = Warnings()


@pytest.fixture
async def watched() -> AsyncIterator[ActorSystem]:
    logging.getLogger("casty").addHandler(warnings)
    try:
        async with ActorSystem(config=CastyConfig(system=SystemConfig(slow_handler_seconds=SHORT))) as system:
            yield system
    finally:
        logging.getLogger("casty").removeHandler(warnings)


def blocks(_ctx: object = None, _message: object = None) -> None:
    """Hold the event loop until the watchdog has noticed, however rarely a busy machine lets it look."""
    before = warnings.count
    for _ in range(200):
        time.sleep(HOLDS)
        if warnings.count > before:
            return


async def test_a_handler_that_blocks_is_published_and_logged(
    watched: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Events(watched, SlowHandler)
    ref = watched.spawn(does(blocks), "slow")
    ref.tell("x")
    event = await slow.receive()
    assert (event.ref, event.message_type) == (ref, "str")
    assert event.seconds > SHORT
    assert "time.sleep(HOLDS)" in event.stack
    record = next(record for record in caplog.records if "held the event loop" in record.getMessage())
    assert record.levelno == logging.WARNING
    assert "/slow has held the event loop" in record.getMessage()
    assert f"while it handles str, at {__file__}:{blocks.__code__.co_firstlineno + 4} in blocks" in record.getMessage()
    assert record.__dict__["actor"] == "/slow"


async def setup(_ctx: Ctx) -> Behavior[str]:
    blocks()
    return Behaviors.ignore()


async def hook(_ctx: Ctx) -> None:
    blocks()


async def piped(ctx: Ctx) -> Behavior[str]:
    async def job() -> str:
        await asyncio.sleep(0)
        blocks()
        return "done"

    ctx.pipe_to_self(job())
    return Behaviors.ignore()


@pytest.mark.parametrize(
    ("behavior", "what"),
    [
        (Behaviors.setup(setup), "(starting)"),
        (Behaviors.with_lifecycle(Behaviors.ignore(), pre_start=hook), "(starting)"),
        (Behaviors.with_lifecycle(Behaviors.stopped(), post_stop=hook), "(stopping)"),
        (Behaviors.setup(piped), "(pipe_to_self)"),
    ],
)
async def test_setups_hooks_and_piped_work_are_watched_as_well(
    watched: ActorSystem, behavior: Behavior[str], what: str
) -> None:
    slow = Events(watched, SlowHandler)
    ref = watched.spawn(behavior)
    event = await slow.receive()
    assert (event.ref, event.message_type) == (ref, what)


async def test_an_event_handler_that_blocks_is_found_while_its_actor_recovers(watched: ActorSystem) -> None:
    async def on_command(_ctx: Ctx, _state: int, command: str) -> Behavior[str]:
        return Behaviors.persisted([command])

    def on_event(state: int, _event: str) -> int:
        blocks()
        return state + 1

    slow = Events(watched, SlowHandler)
    behavior = Behaviors.event_sourced(entity_id="e", initial_state=0, on_event=on_event, on_command=on_command)
    ref = watched.spawn(behavior, "first")
    ref.tell("x")
    assert (await slow.receive()).message_type == "str"
    await settle()
    watched.spawn(behavior, "second")
    event = await slow.receive()
    assert (event.message_type, "on_event" in event.stack) == ("(recovering)", True)


@pytest.mark.parametrize("off", [0, False, None])
async def test_it_can_be_switched_off(off: float | None) -> None:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(slow_handler_seconds=off))) as system:
        assert system._watchdog is None


async def test_a_system_stops_at_once_while_it_is_watched() -> None:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(slow_handler_seconds=3600.0))) as system:
        assert system._watchdog is not None


class Look(Protocol):
    def __call__(self, passed: float, computed: float, collected: float = 0.0) -> None: ...


async def looks(steps: Callable[[Look], None]) -> list[SlowHandler]:
    """Run `steps` in a handler; it gets a function that looks as the watchdog does, after so much time has passed, so
    much has been computed, and one collection of garbage has taken so much of it.
    """
    async with ActorSystem(config=CastyConfig(system=SystemConfig(slow_handler_seconds=None))) as system:
        slow = Events(system, SlowHandler)
        watchdog = Watchdog(system.kernel, 0.5)
        hold = _Hold(None)

        def look(passed: float, computed: float, collected: float = 0.0) -> None:
            nonlocal hold
            watchdog._garbage._seconds = watchdog._garbage._longest = collected
            watchdog._looked = monotonic() - passed, process_time() - computed
            hold = watchdog._look(hold)

        system.spawn(does(lambda ctx, message: steps(look))).tell("x")
        await settle()
        look(0.1, 0.0)
        await settle()
        return slow.seen


async def test_a_handling_that_is_seen_again_and_again_is_reported() -> None:
    def steps(look: Look) -> None:
        for _ in range(6):
            look(0.1, 0.0)

    assert [round(event.seconds, 1) for event in await looks(steps)] == [0.6]


async def test_a_process_that_was_stopped_is_no_handlers_fault() -> None:
    def steps(look: Look) -> None:
        look(0.1, 0.0)
        look(3600.0, 0.01)

    assert await looks(steps) == []


async def test_a_call_that_lets_no_thread_run_is_noticed_when_it_ends() -> None:
    def steps(look: Look) -> None:
        look(2.0, 1.9)

    assert [round(event.seconds) for event in await looks(steps)] == [2]


async def test_a_collection_of_garbage_is_no_handlers_fault(caplog: pytest.LogCaptureFixture) -> None:
    def steps(look: Look) -> None:
        look(0.1, 0.0)
        look(2.0, 1.95, 1.9)

    assert await looks(steps) == []
    assert "a collection of garbage has stopped the whole process for 1.9 s: " in caplog.text


async def test_short_collections_of_garbage_are_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    def steps(look: Look) -> None:
        for _ in range(10):
            look(0.2, 0.2, 0.1)

    assert [round(event.seconds) for event in await looks(steps)] == [1], "the handler has held it beside them"
    assert "garbage" not in caplog.text


async def test_the_watchdog_notices_collections_of_garbage(watched: ActorSystem) -> None:
    watchdog = watched._watchdog
    assert watchdog is not None
    watchdog.stop()
    watchdog._garbage.take()
    gc.collect()
    assert watchdog._garbage.take() == (0.0, 0.0)
    watchdog._garbage.start()
    gc.collect()
    seconds, longest = watchdog._garbage.take()
    assert seconds >= longest > 0
    watchdog._garbage.stop()
    watched._watchdog = None


def test_a_collection_counts_while_it_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr(garbage, "monotonic", lambda: now)
    collections = garbage.GarbageCollections()
    collections._note("stop", {})
    collections._note("start", {})
    now = 12.0
    assert collections.take() == (2.0, 0.0)
    now = 13.0
    collections._note("stop", {})
    assert collections.take() == (1.0, 3.0)
    now = 20.0
    assert collections.take() == (0.0, 0.0)


async def test_handlings_that_follow_each_other_are_not_taken_for_one() -> None:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(slow_handler_seconds=None))) as system:
        slow = Events(system, SlowHandler)
        watchdog = Watchdog(system.kernel, 0.5)
        hold = _Hold(None)

        async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
            nonlocal hold
            for _ in range(2):
                watchdog._looked = monotonic() - 0.3, process_time() - 0.3
                hold = watchdog._look(hold)
                await asyncio.sleep(0)  # the loop has its turn
            return Behaviors.same()

        ref = system.spawn(Behaviors.receive(handler))
        for _ in range(5):
            ref.tell("x")
        await settle()
        assert slow.seen == []


async def test_a_person_in_a_debugger_is_left_alone() -> None:
    namespace = {"__name__": "pdb"}
    exec("def interaction(look):\n    for _ in range(9):\n        look(0.1, 0.0)", namespace)
    interaction = namespace["interaction"]
    assert callable(interaction)
    assert await looks(interaction) == []


async def test_an_endless_handler_is_logged_again_when_its_time_has_doubled(caplog: pytest.LogCaptureFixture) -> None:
    def steps(look: Look) -> None:
        for _ in range(40):
            look(0.1, 0.0)

    await looks(steps)
    assert caplog.text.count("has held the event loop") == 4
