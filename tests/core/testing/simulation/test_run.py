"""Running scenarios: seeds, replays, reports, invariants, and being sure that a seed decides everything."""

import asyncio
import gc
import inspect
import logging
import os
import random
import subprocess
import sys
import threading
import time
import weakref
from asyncio import all_tasks
from itertools import count
from pathlib import Path

import pytest
from casty.errors import ConfigError
from casty.output_commit import OPEN
from casty.persistence.outbox import Outbox
from casty.testing.simulation import (
    Settings,
    Simulation,
    SimulationFailedError,
    nemesis,
    simulate,
    simulate_seeds,
    simulated,
)
from casty.testing.simulation.faults import halves


async def quiet(sim: Simulation) -> int:
    await asyncio.sleep(sim.random.random())
    return sim.seed


def test_a_run_says_what_it_was() -> None:
    run = simulate(quiet, 7)
    assert (run.seed, run.result) == (7, 7)
    assert 0.0 < run.seconds < 1.1
    assert run.steps > 1
    assert len(run.trace) == 64
    assert simulate(quiet, 7) == run
    assert simulate(quiet, 8).trace != run.trace


def test_many_seeds_are_run_in_order() -> None:
    assert [run.result for run in simulate_seeds(quiet, 5)] == [0, 1, 2, 3, 4]
    assert [run.result for run in simulate_seeds(quiet, (9, 3))] == [9, 3]


def test_the_objects_of_a_run_are_freed_before_the_next_one() -> None:
    class State:
        def __init__(self, sim: Simulation) -> None:
            self.sim = sim
            sim.invariant(lambda: self.sim.seed >= 0)

    made: list[weakref.ref[State]] = []
    alive: list[int] = []

    async def scenario(sim: Simulation) -> None:
        alive.append(sum(ref() is not None for ref in made))
        made.append(weakref.ref(State(sim)))
        await asyncio.sleep(1.0)

    simulate_seeds(scenario, 5)
    assert alive == [0] * 5


@pytest.mark.parametrize(
    ("variable", "value", "seeds"),
    [
        ("CASTY_SIM_SEED", "12", [12]),
        ("CASTY_SIM_SEEDS", "3", [0, 1, 2]),
        ("CASTY_SIM_SEEDS", "100:102", [100, 101]),
    ],
)
def test_the_environment_chooses_the_seeds(
    variable: str, value: str, seeds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert [run.result for run in simulate_seeds(quiet, 5)] == seeds


def test_a_wrong_seed_in_the_environment_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASTY_SIM_SEED", "all")
    with pytest.raises(ConfigError, match=r"CASTY_SIM_SEED is a number, .* 'all'"):
        simulate_seeds(quiet)


@simulated(seeds=3)
async def test_a_scenario_is_a_test_with_fixtures(sim: Simulation, tmp_path: Path) -> None:
    """A plain function to pytest, which asks for the fixture alone."""
    assert list(inspect.signature(test_a_scenario_is_a_test_with_fixtures).parameters) == ["tmp_path"]
    assert not inspect.iscoroutinefunction(test_a_scenario_is_a_test_with_fixtures)
    assert isinstance(tmp_path, Path)
    await asyncio.sleep(1.0)


@pytest.mark.parametrize("parameter", [1, 2])
@simulated(seeds=1, settings=Settings(seconds=1.0))
async def test_a_scenario_may_have_parameters(sim: Simulation, parameter: int) -> None:
    assert parameter in (1, 2)


async def fails_sometimes(sim: Simulation) -> None:
    sim.host("a").start(lambda: asyncio.sleep(1e3))
    sim.host("b")
    await nemesis(sim, [halves], seconds=30.0)
    sim.note("a note")
    logging.getLogger("casty.x").warning("something odd: %s", object())
    assert sim.seed % 10 != 7, "it is one of those"


def test_a_failure_tells_all_that_there_is_to_know() -> None:
    with pytest.raises(AssertionError, match="it is one of those") as caught:
        simulate_seeds(fails_sometimes, 20)
    report, again = caught.value.__notes__
    assert report.startswith("seed 7, after 30.0")
    assert "CASTY_SIM_SEED=7 pytest" in report
    assert "test_run.py::test_a_failure_tells_all_that_there_is_to_know" in report
    assert "\nfaults:\n      " in report
    assert "cut for 7.177 s: {a}|{b}\n" in report
    assert "a note" in report
    assert "WARNING casty.x: something odd: <object object at 0x" in report
    assert "waiting tasks:\n  a: sleep at tasks.py:" in report
    assert again == "Run again at once, the seed went the same way"


def test_a_seed_fails_in_the_same_way_again() -> None:
    notes: list[str] = []
    for _ in range(2):
        with pytest.raises(AssertionError) as caught:
            simulate(fails_sometimes, 17)
        notes.append(caught.value.__notes__[0].split("something odd")[0])
    assert notes[0] == notes[1]


def test_the_command_of_a_program_that_is_no_test(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from casty.testing.simulation import simulate_seeds\n"
        "async def scenario(sim):\n"
        "    assert sim.seed != 5\n"
        "    print('seed', sim.seed)\n"
        "simulate_seeds(scenario, 9)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [sys.executable, str(program), "--flag"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert failed.stdout.splitlines() == [f"seed {seed}" for seed in range(5)]
    assert f"run it again: CASTY_SIM_SEED=5 python {program} --flag" in failed.stderr
    again = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment | {"CASTY_SIM_SEED": "5"}
    )
    assert again.stdout == ""
    assert "seed 5, after" in again.stderr


TIMES = count()


async def depends_on_the_machine(sim: Simulation) -> None:
    await asyncio.sleep(0.001 * next(TIMES))
    sim.note("done")


async def depends_on_a_thread(sim: Simulation) -> None:
    sim.note(f"thread {next(TIMES)}")


@pytest.mark.parametrize("scenario", [depends_on_the_machine, depends_on_a_thread])
def test_a_seed_that_does_not_decide_everything_is_noticed(scenario: object) -> None:
    with pytest.raises(SimulationFailedError, match=r"seed 0 went another way.*no seed controls") as caught:
        simulate_seeds(scenario, 3, check_determinism=True)  # pyright: ignore[reportArgumentType]
    assert "and then" in str(caught.value)


def test_the_environment_has_each_seed_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASTY_SIM_CHECK_DETERMINISM", "1")
    assert len(simulate_seeds(fails_sometimes, 3)) == 3
    with pytest.raises(SimulationFailedError):
        simulate_seeds(depends_on_the_machine, 3)


def test_a_failure_that_does_not_come_again_says_so() -> None:
    times = count()

    async def scenario(sim: Simulation) -> None:
        await asyncio.sleep(1.0)
        assert next(times), "only the first time"

    with pytest.raises(AssertionError, match="only the first time") as caught:
        simulate(scenario)
    assert caught.value.__notes__[1].startswith("Run again at once, the seed went another way: it depends on")


def test_an_invariant_is_looked_at_after_every_change() -> None:
    seen: list[float] = []

    async def scenario(sim: Simulation) -> None:
        sim.invariant(lambda: seen.append(sim.time()), "watch")
        for name in "ab":
            sim.host(name)
        await nemesis(sim, [halves], seconds=10.0)

    simulate(scenario)
    assert len(seen) > 4


@pytest.mark.parametrize("answers", [True, False])
def test_a_broken_invariant_ends_the_run_at_once(answers: bool) -> None:
    ended: list[float] = []

    async def scenario(sim: Simulation) -> None:
        def never_later_than_5() -> bool:
            if not answers:
                assert sim.time() < 5.0, "it is late"
            return sim.time() < 5.0

        sim.invariant(never_later_than_5)
        sim.host("a")
        await asyncio.sleep(6.0)
        sim.network.partition(["a"], ["b"])
        await asyncio.sleep(1.0)
        ended.append(sim.time())

    with pytest.raises(AssertionError, match=r"it is late|'never_later_than_5' does not hold") as caught:
        simulate(scenario)
    assert "never_later_than_5" in str([str(caught.value), *caught.value.__notes__])
    assert ended == []


def test_eventually_waits_for_what_comes_true() -> None:
    async def scenario(sim: Simulation) -> None:
        await sim.eventually(lambda: sim.time() > 5.0)
        assert 5.0 < sim.time() < 5.1

        def late() -> None:
            assert sim.time() > 7.0, "too early"

        await sim.eventually(late)
        assert 7.0 < sim.time() < 7.1
        with pytest.raises(AssertionError, match="condition did not hold within 3 virtual seconds"):
            await sim.eventually(lambda: False, within=3.0)
        assert 10.0 < sim.time() < 10.2

    simulate(scenario)


def test_a_run_leaves_the_process_as_it_was() -> None:
    before = Outbox()
    in_flight = set(OPEN)
    state, handlers = random.getstate(), list(logging.getLogger().handlers)

    async def scenario(sim: Simulation) -> None:
        Outbox()
        random.random()

        async def stubborn() -> None:
            for _ in range(3):
                try:
                    await asyncio.sleep(1e3)
                finally:
                    await asyncio.sleep(1e3)

        sim.host("a").start(stubborn)
        sim.host("b").start(stubborn)
        await asyncio.sleep(1.0)
        sim.host("a").crash()

    simulate(scenario)
    assert before in OPEN
    assert in_flight == OPEN
    before.discard()
    assert random.getstate() == state
    assert logging.getLogger().handlers == handlers
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_what_is_cleared_away_does_so_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def noisy() -> None:
        try:
            await asyncio.sleep(1e3)
        finally:
            logging.getLogger("noisy").error("I am being closed")
            raise ZeroDivisionError

    async def scenario(sim: Simulation) -> None:
        sim.host("a").start(noisy)
        await asyncio.sleep(1.0)
        sim.host("a").restart()
        await asyncio.sleep(1.0)

    simulate(scenario)
    assert caplog.records == []
    logging.getLogger("noisy").error("as before")
    assert len(caplog.records) == 1


def test_the_module_random_is_seeded_too() -> None:
    async def scenario(sim: Simulation) -> float:
        return random.random()

    assert simulate(scenario, 3).result == simulate(scenario, 3).result
    assert simulate(scenario, 3).result != simulate(scenario, 4).result


def test_no_tasks_or_threads_are_left() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def scenario(sim: Simulation) -> None:
        loops.append(asyncio.get_running_loop())
        sim.host("a").start(lambda: asyncio.sleep(1e3))
        await asyncio.sleep(1.0)

    threads = threading.active_count()
    begin = time.monotonic()
    simulate(scenario)
    assert threads == threading.active_count()
    assert loops[0].is_closed()
    gc.collect()
    assert len(all_tasks(loops[0])) == 0
    assert time.monotonic() - begin < 60.0
