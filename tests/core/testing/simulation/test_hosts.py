"""Hosts: processes that start, crash, stand still and have their own clocks and chance."""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from casty import entropy
from casty.errors import CastyError
from casty.testing.simulation import Host, HostCrashedError, Simulation, simulate
from casty.testing.simulation.seeded import BEGIN


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_function_runs_on_the_host_and_answers() -> None:
    async def question() -> str:
        await asyncio.sleep(1.0)
        return "answer"

    async def broken() -> None:
        raise ZeroDivisionError

    async def scenario(sim: Simulation) -> str:
        with pytest.raises(ZeroDivisionError):
            await sim.host("a").run(broken)
        return await sim.host("a").run(question)

    assert simulate(scenario).result == "answer"


def test_a_cancelled_caller_cancels_its_function_on_the_host() -> None:
    async def scenario(sim: Simulation) -> None:
        ended = asyncio.Event()

        async def main() -> None:
            try:
                await forever()
            finally:
                ended.set()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await sim.host("a").run(main)
        await ended.wait()

    simulate(scenario)


def test_a_program_that_fails_ends_the_run() -> None:
    async def main() -> None:
        await asyncio.sleep(1.0)
        raise ZeroDivisionError("in main")

    async def scenario(sim: Simulation) -> None:
        sim.host("a").start(main)
        await asyncio.sleep(5.0)

    with pytest.raises(ZeroDivisionError, match="in main") as caught:
        simulate(scenario)
    assert "This ended the program of the host 'a'." in caught.value.__notes__


def test_a_crash_leaves_nothing_running() -> None:
    """No `finally`, no timers, no callbacks, and no complaints about tasks that never ended."""
    happened: list[str] = []

    async def generate() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            happened.append("generator")

    async def child() -> None:
        try:
            await forever()
        finally:
            happened.append("child")

    async def main() -> None:
        asyncio.get_running_loop().call_later(2.0, happened.append, "timer")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child())
                async for _ in generate():
                    await forever()
        finally:
            happened.append("main")
            await asyncio.sleep(0)
            happened.append("main, late")

    async def scenario(sim: Simulation) -> list[str]:
        host = sim.host("a")
        host.start(main)
        await asyncio.sleep(1.0)
        asyncio.get_running_loop().call_soon(host.crash)
        await asyncio.sleep(5.0)
        gc.collect()
        assert not host.is_up
        return list(happened)

    assert simulate(scenario).result == []


def test_a_crash_is_final_whatever_comes_after_it() -> None:
    """Not even a restart and a collection of garbage have anything of the old process run."""
    happened: list[str] = []
    background: list[asyncio.Task[None]] = []

    async def linger(name: str) -> None:
        try:
            await forever()
        finally:
            happened.append(name)

    async def main() -> None:
        background.append(asyncio.create_task(linger("background")))

    async def scenario(sim: Simulation) -> list[str]:
        brief, lasting = sim.host("brief"), sim.host("lasting")
        brief.start(main)
        lasting.start(lambda: linger("main"))
        for _ in range(3):
            await asyncio.sleep(1.0)
            brief.restart()
            lasting.restart()
            background.clear()
            gc.collect()
        return list(happened)

    assert simulate(scenario).result == []


def test_what_was_ready_when_the_host_crashed_is_not_run() -> None:
    async def scenario(sim: Simulation) -> list[str]:
        ran: list[str] = []
        host = sim.host("a")

        async def main() -> None:
            for _ in range(10):
                asyncio.get_running_loop().call_soon(ran.append, "ready")
            host.crash()
            ran.append("main")  # this step only ends with its next await
            await asyncio.sleep(0)
            ran.append("late")

        host.start(main)
        await asyncio.sleep(1.0)
        return ran

    assert simulate(scenario).result == ["main"]


def test_a_task_that_a_crash_kept_from_beginning_is_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    """The coroutine that it was given is not awaited, and the scenario keeps the task."""
    tasks: list[asyncio.Task[None]] = []

    async def never() -> None:
        raise AssertionError("it has begun")

    async def as_long_as_it_can(work: Coroutine[Any, Any, None]) -> None:
        await work

    async def scenario(sim: Simulation) -> None:
        async def main() -> None:
            tasks.append(asyncio.create_task(as_long_as_it_can(never())))
            sim.host("a").crash()

        sim.host("a").start(main)
        await asyncio.sleep(1.0)

    simulate(scenario)
    assert len(tasks) == 1
    tasks.clear()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_program_that_exits_ends_its_process_and_not_the_run() -> None:
    async def scenario(sim: Simulation) -> None:
        host, late = sim.host("a"), list[str]()

        async def main() -> None:
            asyncio.get_running_loop().call_later(2.0, late.append, "timer")
            await asyncio.sleep(1.0)
            sys.exit(86)

        host.start(main)
        await asyncio.sleep(5.0)
        assert not host.is_up
        assert late == []
        assert "exits with 86" in "".join(sim.trace.events)

    simulate(scenario)


def test_a_scenario_that_exits_ends_the_program() -> None:
    async def scenario(sim: Simulation) -> None:
        sys.exit(3)

    with pytest.raises(SystemExit):
        simulate(scenario)


def test_a_waiting_caller_gets_an_error_when_the_host_crashes() -> None:
    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        asyncio.get_running_loop().call_later(1.0, host.crash)
        with pytest.raises(HostCrashedError, match="'a' crashed"):
            await host.run(forever)
        assert sim.time() == pytest.approx(1.0, abs=1e-3)

    assert issubclass(HostCrashedError, CastyError)
    simulate(scenario)


def test_a_restart_runs_the_program_again() -> None:
    async def scenario(sim: Simulation) -> list[float]:
        starts: list[float] = []

        async def main() -> None:
            starts.append(round(sim.time(), 3))
            await forever()

        host = sim.host("a")
        host.start(main)
        await asyncio.sleep(1.0)
        host.restart()
        await asyncio.sleep(1.0)
        host.crash()
        host.crash()
        await asyncio.sleep(1.0)
        host.restart()
        await asyncio.sleep(1.0)
        return starts

    assert simulate(scenario).result == [0.0, 1.0, 3.0]


def start(host: Host) -> None:
    host.start(forever)


@pytest.mark.parametrize(
    ("misuse", "cure"),
    [(start, "runs already"), (Host.restart, "has never been started"), (Host.running, "is down; start it first")],
)
def test_misuse_is_explained(misuse: Callable[[Host], object], cure: str) -> None:
    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        if cure == "runs already":
            host.start(forever)
        with pytest.raises(RuntimeError, match=cure):
            misuse(host)

    simulate(scenario)


def test_a_paused_host_does_nothing_while_time_goes_on() -> None:
    async def scenario(sim: Simulation) -> tuple[list[float], list[float]]:
        beats: list[float] = []
        own: list[float] = []

        async def main() -> None:
            while True:
                beats.append(round(sim.time(), 1))
                own.append(asyncio.get_running_loop().time())
                await asyncio.sleep(1.0)

        host = sim.host("a")
        host.start(main)
        await asyncio.sleep(2.5)
        host.pause()
        assert host.is_up
        assert host.is_paused
        await asyncio.sleep(10.0)
        host.resume()
        await asyncio.sleep(1.5)
        return beats, [round(later - earlier, 1) for earlier, later in pairwise(own)]

    assert simulate(scenario).result == ([0.0, 1.0, 2.0, 12.5, 13.5], [1.0, 1.0, 10.5, 1.0])


def test_a_host_that_crashes_while_it_is_paused_is_dead() -> None:
    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        host.start(forever)
        await asyncio.sleep(1.0)
        host.pause()
        host.crash()
        host.resume()
        assert not host.is_up
        assert not host.is_paused
        host.restart()
        assert not host.is_paused

    simulate(scenario)


def test_clocks_of_hosts_begin_and_run_as_they_like() -> None:
    async def measure() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await asyncio.sleep(100.0)
        return begin, loop.time() - begin

    async def scenario(sim: Simulation) -> None:
        fast, slow = sim.host("fast", clock_rate=1.25), sim.host("slow", clock_rate=0.8)
        began = sim.time()
        fast_began, fast_lasted = await fast.run(measure)
        assert sim.time() - began == pytest.approx(80.0, abs=1e-3)
        began = sim.time()
        slow_began, slow_lasted = await slow.run(measure)
        assert sim.time() - began == pytest.approx(125.0, abs=1e-3)
        assert fast_lasted == pytest.approx(100.0, abs=1e-3)
        assert slow_lasted == pytest.approx(100.0, abs=1e-3)
        assert abs(fast_began - slow_began) > 1.0

    simulate(scenario)


def test_a_wall_clock_may_be_wrong() -> None:
    async def look() -> float:
        return entropy.source().wall_time()

    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        assert await host.run(look) == pytest.approx(BEGIN + sim.time(), abs=1e-3)
        host.set_wall_clock(-3_600.0)
        await asyncio.sleep(5.0)
        assert await host.run(look) == pytest.approx(BEGIN + 5.0 - 3_600.0, abs=1e-3)
        assert await look() == pytest.approx(BEGIN + 5.0, abs=1e-3)
        host.crash()
        assert await host.run(look) == pytest.approx(BEGIN + 5.0 - 3_600.0, abs=1e-3)

    simulate(scenario)


def test_each_life_of_a_host_has_chance_of_its_own() -> None:
    async def draw() -> bytes:
        source = entropy.source()
        return source.token(8) + source.random().randbytes(8)

    async def scenario(sim: Simulation) -> list[bytes]:
        drawn = [await draw()]
        for name in "ab":
            drawn.append(await sim.host(name).run(draw))
            sim.host(name).crash()
            drawn.append(await sim.host(name).run(draw))
        return drawn

    first, again, other = (simulate(scenario, seed).result for seed in (1, 1, 2))
    assert first == again
    assert len({*first, *other}) == 10
