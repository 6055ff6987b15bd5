"""Virtual time, a seeded order, and nothing of the outside."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from casty.testing.simulation import Settings, Simulation, SimulationFailedError, simulate
from casty.testing.simulation.refusals import REFUSED

IN_ORDER = Settings(in_order=True)


def test_time_passes_only_while_all_wait() -> None:
    async def scenario(sim: Simulation) -> tuple[float, float]:
        begin = asyncio.get_running_loop().time()
        await asyncio.sleep(3_000.0)
        return sim.time(), asyncio.get_running_loop().time() - begin

    begin = time.monotonic()
    run = simulate(scenario)
    assert run.result == pytest.approx((3_000.0, 3_000.0), abs=1e-3)
    assert run.seconds == pytest.approx(3_000.0, abs=1e-3)
    assert time.monotonic() - begin < 60.0


async def order_of_ten(sim: Simulation) -> list[int]:
    order: list[int] = []
    for number in range(10):
        asyncio.get_running_loop().call_soon(order.append, number)
    await asyncio.sleep(0.1)
    return order


def test_a_seed_decides_the_order_of_what_is_ready() -> None:
    orders = [simulate(order_of_ten, seed).result for seed in range(20)]
    assert orders == [simulate(order_of_ten, seed).result for seed in range(20)]
    assert len({tuple(order) for order in orders}) == 20
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_in_order_keeps_what_asyncio_promises_within_a_process() -> None:
    assert [simulate(order_of_ten, seed, settings=IN_ORDER).result for seed in range(20)] == [list(range(10))] * 20


def test_in_order_leaves_the_order_between_processes_to_the_seed() -> None:
    async def scenario(sim: Simulation) -> tuple[tuple[str, int], ...]:
        order: list[tuple[str, int]] = []

        async def main(name: str) -> None:
            for number in range(3):
                asyncio.get_running_loop().call_soon(order.append, (name, number))

        for name in "abc":
            sim.host(name).start(lambda name=name: main(name))
        await asyncio.sleep(1.0)
        return tuple(order)

    orders = {simulate(scenario, seed, settings=IN_ORDER).result for seed in range(20)}
    assert len(orders) > 10
    for order in orders:
        assert all([n for name, n in order if name == wanted] == [0, 1, 2] for wanted in "abc")


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def scenario(sim: Simulation) -> list[float]:
        fired: list[float] = []
        for delay in (0.3, 0.1, 0.2, 5.0):
            asyncio.get_running_loop().call_later(delay, lambda: fired.append(round(sim.time(), 3)))
        await asyncio.sleep(10.0)
        return fired

    assert simulate(scenario).result == [0.1, 0.2, 0.3, 5.0]


def test_cancelled_timers_never_fire_and_are_not_kept() -> None:
    async def scenario(sim: Simulation) -> int:
        loop = asyncio.get_running_loop()
        for _ in range(1_000):
            loop.call_later(60.0, pytest.fail).cancel()
        kept = len(sim.loop._timers)
        await asyncio.sleep(120.0)
        return kept

    assert simulate(scenario).result < 250


def test_a_task_that_never_rests_does_not_stop_time() -> None:
    async def busy() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def scenario(sim: Simulation) -> float:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(busy())
            await asyncio.sleep(0.01)
            task.cancel()
        return sim.time()

    assert simulate(scenario).result == pytest.approx(0.01, abs=1e-3)


def test_sets_of_tasks_are_in_the_same_order_in_each_run() -> None:
    async def forever(number: int, ended: list[int]) -> None:
        try:
            await asyncio.sleep(1e3)
        finally:
            ended.append(number)

    async def scenario(sim: Simulation) -> list[int]:
        ended: list[int] = []

        async def fail() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(forever(number, ended))
                await asyncio.sleep(0.01)
                raise ZeroDivisionError

        with pytest.raises(ExceptionGroup):
            await fail()
        return ended

    assert len({tuple(simulate(scenario, 1).result) for _ in range(5)}) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_of_the_outside(name: str) -> None:
    async def scenario(sim: Simulation) -> None:
        with pytest.raises(RuntimeError, match=f"no loop.{name}\\(\\); (use|start|call)"):
            getattr(asyncio.get_running_loop(), name)()

    simulate(scenario)


@pytest.mark.parametrize("start", [lambda: asyncio.to_thread(print), lambda: asyncio.open_connection("localhost", 80)])
def test_threads_and_sockets_are_refused(start: Callable[[], Any]) -> None:
    async def scenario(sim: Simulation) -> None:
        with pytest.raises(RuntimeError, match="a simulation has no"):
            await start()

    simulate(scenario)


def test_another_thread_is_refused_and_its_own_is_not() -> None:
    async def scenario(sim: Simulation) -> None:
        loop, reached = asyncio.get_running_loop(), asyncio.Event()
        errors: list[BaseException] = []

        def call() -> None:
            try:
                loop.call_soon_threadsafe(reached.set)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        assert "other threads" in str(errors)
        assert not reached.is_set()
        call()
        await reached.wait()

    simulate(scenario)


def test_a_standstill_is_a_failure_that_names_the_waiting_tasks() -> None:
    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    async def scenario(sim: Simulation) -> None:
        sim.host("a").start(waits_for_ever)
        await asyncio.sleep(1.0)
        await asyncio.Event().wait()

    with pytest.raises(SimulationFailedError, match="standstill: no callback is ready") as caught:
        simulate(scenario)
    (note, _) = caught.value.__notes__
    assert "\n  a: test_a_standstill_is_a_failure_that_names_the_waiting_tasks.<locals>.waits_for_ever at " in note
    assert "\n  (scenario): test_a_standstill_is_a_failure_that_names_the_waiting_tasks.<locals>.scenario at " in note


@pytest.mark.parametrize("settings", [Settings(seconds=10.0), Settings(steps=1_000)])
def test_a_scenario_that_never_ends_fails(settings: Settings) -> None:
    async def scenario(sim: Simulation) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    with pytest.raises(SimulationFailedError, match="no end: the scenario still runs after"):
        simulate(scenario, settings=settings)


async def breaks() -> None:
    raise ZeroDivisionError("never retrieved")


@pytest.mark.parametrize(
    "leave",
    [
        lambda: asyncio.get_running_loop().call_soon(lambda: 1 / 0),
        lambda: asyncio.get_running_loop().create_task(breaks()),
    ],
)
def test_an_unhandled_error_fails_the_run(leave: Callable[[], object]) -> None:
    async def main() -> None:
        leave()
        await asyncio.sleep(1.0)

    async def scenario(sim: Simulation) -> None:
        await sim.host("a").run(main)

    with pytest.raises(SimulationFailedError, match="an unhandled error of host 'a'") as caught:
        simulate(scenario)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_simulation_does_not_run_inside_an_event_loop() -> None:
    async def scenario(sim: Simulation) -> None:
        with pytest.raises(RuntimeError, match="call it from a plain function"):
            simulate(scenario)

    simulate(scenario)
