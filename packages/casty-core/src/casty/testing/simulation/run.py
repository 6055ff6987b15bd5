"""Runs scenarios with one seed or many. A failure comes with everything needed to reproduce it."""

import gc
import inspect
import os
from asyncio import _get_running_loop
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context
from dataclasses import dataclass
from functools import wraps
from itertools import zip_longest
from typing import Any, Concatenate, Final

from casty.entropy import SOURCE
from casty.errors import ConfigError
from casty.testing.simulation.failures import SimulationFailedError
from casty.testing.simulation.isolation import clear_away, collected, isolated
from casty.testing.simulation.report import SEED, report
from casty.testing.simulation.seeded import SeededEntropy, stream
from casty.testing.simulation.settings import Settings
from casty.testing.simulation.simulation import Simulation
from casty.testing.simulation.trace import SHOWN, Trace

SEEDS: Final = "CASTY_SIM_SEEDS"
"""The environment variable with the number or the range of seeds to run: `1000`, or `5000:6000`."""
TWICE: Final = "CASTY_SIM_CHECK_DETERMINISM"
"""The environment variable that runs every seed twice, if it is 1."""

type Scenario = Callable[[Simulation], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A successful run."""

    seed: int
    trace: str
    """A hash of all events in order: equal for two identical runs."""
    steps: int
    """Number of callbacks that the event loop has run."""
    seconds: float
    """Virtual time."""
    result: Any
    """The scenario's result."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    run: Run
    error: Exception | None
    events: tuple[str, ...]


def simulate(scenario: Scenario, seed: int = 0, *, settings: Settings | None = None) -> Run:
    """Run a scenario once. Raises its exception, with notes on how to reproduce it."""
    return _checked(scenario, seed, settings or Settings(), twice=False)


def simulate_seeds(
    scenario: Scenario,
    seeds: int | Iterable[int] = 100,
    *,
    settings: Settings | None = None,
    check_determinism: bool = False,
) -> list[Run]:
    """Run a scenario with each seed, up to the first failure. A number means the seeds from 0 up.

    Environment variables override the arguments: `CASTY_SIM_SEED=7` runs that seed only, `CASTY_SIM_SEEDS=1000` or
    `5000:6000` that number or range, and `CASTY_SIM_CHECK_DETERMINISM=1` runs each seed twice, as
    `check_determinism` does.
    """
    twice = check_determinism or os.environ.get(TWICE) == "1"
    return [_checked(scenario, seed, settings or Settings(), twice=twice) for seed in _chosen(seeds)]


def simulated[**P](
    seeds: int | Iterable[int] = 100, *, settings: Settings | None = None, check_determinism: bool = False
) -> Callable[[Callable[Concatenate[Simulation, P], Coroutine[Any, Any, object]]], Callable[P, None]]:
    """Turn a scenario into a test: `@simulated(seeds=300)` above `async def test_it(sim): ...`.

    The test is a plain function without that first parameter; other parameters remain, for pytest's fixtures. See
    `simulate_seeds`.
    """

    def decorate(scenario: Callable[Concatenate[Simulation, P], Coroutine[Any, Any, object]]) -> Callable[P, None]:
        @wraps(scenario)
        def test(*args: P.args, **kwargs: P.kwargs) -> None:
            simulate_seeds(
                lambda sim: scenario(sim, *args, **kwargs),
                seeds,
                settings=settings,
                check_determinism=check_determinism,
            )

        signature = inspect.signature(scenario)
        # Tools that find the original would treat the test as a coroutine function.
        del test.__wrapped__
        rest = list(signature.parameters.values())[1:]
        setattr(test, "__signature__", signature.replace(parameters=rest, return_annotation=None))  # noqa: B010
        return test

    return decorate


def _checked(scenario: Scenario, seed: int, settings: Settings, *, twice: bool) -> Run:
    """Run it once, and again if requested or if it failed: a seed must give the same run each time."""
    first = _run(scenario, seed, settings, None if twice else SHOWN)
    if first.error is None and not twice:
        return first.run
    again = _run(scenario, seed, settings, None if twice else SHOWN)
    same = first.run.trace == again.run.trace and type(first.error) is type(again.error)
    if first.error is None:
        if same:
            return first.run
        raise SimulationFailedError(f"seed {seed} went another way the second time: {_difference(first, again)}")
    way = "the same way" if same else f"another way: {_difference(first, again)}"
    first.error.add_note(f"Run again at once, the seed went {way}")
    raise first.error


def _difference(first: _Outcome, again: _Outcome) -> str:
    pairs = zip_longest(first.events, again.events, fillvalue="the end")
    shown = next((f"first\n  {one}\nand then\n  {other}" for one, other in pairs if one != other), "none")
    return (
        "it depends on something that no seed controls, such as the modules time or uuid, a thread, or the order of "
        f"a set of strings (see docs/simulation.md); the first event that differs: {shown}"
    )


def _run(scenario: Scenario, seed: int, settings: Settings, shown: int | None = SHOWN) -> _Outcome:
    with collected():
        return _run_once(scenario, seed, settings, shown)


def _run_once(scenario: Scenario, seed: int, settings: Settings, shown: int | None) -> _Outcome:
    if _get_running_loop() is not None:
        raise RuntimeError("a simulation is an event loop of its own; call it from a plain function, not an async one")
    trace = Trace(shown)
    sim = Simulation(seed, settings, trace)
    loop, context = sim.loop, Context()
    context.run(SOURCE.set, SeededEntropy(stream(seed, "entropy"), loop.seconds))
    result = error = None
    with isolated(seed, sim.remark):
        try:
            result = loop.run_until_complete(loop.create_task(context.run(scenario, sim), context=context))
            sim.invariants.check()
            gc.collect()  # reports failed tasks whose result was never retrieved
            loop.raise_failure()
        except Exception as raised:
            error = raised
            error.add_note(report(seed, trace, loop))
        finally:
            digest = trace.digest()
            clear_away(loop)
    run = Run(seed=seed, trace=digest, steps=loop.steps, seconds=loop.seconds(), result=result)
    return _Outcome(run, error, tuple(trace.events))


def _chosen(seeds: int | Iterable[int]) -> Iterable[int]:
    """The seeds named by the environment, or else the given ones."""
    one, many = os.environ.get(SEED), os.environ.get(SEEDS)
    try:
        if one:
            return [int(one)]
        if many:
            begin, colon, end = many.partition(":")
            return range(int(begin), int(end)) if colon else range(int(many))
    except ValueError:
        raise ConfigError(f"{SEED} is a number, {SEEDS} one too, or 100:200; they are {one!r} and {many!r}") from None
    return range(seeds) if isinstance(seeds, int) else seeds
