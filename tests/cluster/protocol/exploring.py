"""What the explorers of protocols have in common: their seeds, their commands, and proofs that they notice a fault.

An explorer yields the steps of one trace, which a scenario and a seed reproduce, and raises AssertionError where an
invariant is broken.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]

type Explore = Callable[[str, int], int]
"""Run one trace of a scenario to its end, and return the number of its steps."""
type Trace = Callable[[str, int], Iterator[tuple[tuple[Any, ...], Any]]]
type Ablation = tuple[Callable[[], AbstractContextManager[object]], str, int]
"""How to switch a clause off, and a scenario and the first of the seeds that notice."""


def seeds(default: int) -> range:
    """`CASTY_SIM_SEEDS=1000` or `5000:6000` chooses others."""
    first, _, last = os.environ.get("CASTY_SIM_SEEDS", str(default)).rpartition(":")
    return range(int(first or 0), int(last))


def explore_each(explore: Explore, name: str, chosen: Iterable[int]) -> None:
    """Raises AssertionError with the name of the scenario and the seed."""
    for seed in chosen:
        try:
            explore(name, seed)
        except AssertionError as error:
            raise AssertionError(f"{name}, seed {seed}: {error}") from error


def explore_by_command(explore: Explore, trace: Trace, scenarios: Collection[str], usage: str | None) -> None:
    """Do what the arguments of the program ask for."""
    match sys.argv[1:]:
        case ["show", name, seed]:
            for step, _ in trace(name, int(seed)):
                print(*step)
        case [count, *names]:
            _explore_many(explore, int(count), names or scenarios)
        case _:
            print(usage)


def _explore_many(explore: Explore, count: int, names: Collection[str]) -> None:
    broken = total = 0
    for name in names:
        started, steps = monotonic(), 0
        for seed in range(count):
            try:
                steps += explore(name, seed)
            except AssertionError as error:
                broken += 1
                print(f"{name}, seed {seed}: {str(error).splitlines()[0]}", flush=True)
        total += count
        print(f"{name}: {count} traces, {steps} steps, {monotonic() - started:.0f} s", flush=True)
    print(f"{total} traces, {broken} broken")


def noticed(explore: Explore, ablation: Ablation, scenario: str, chosen: Iterable[int]) -> tuple[int, str] | None:
    """The first seed that notices that this clause is off, and how; None: no seed does."""
    with ablation[0]():
        for seed in chosen:
            try:
                explore(scenario, seed)
            except (AssertionError, LookupError) as error:
                return seed, str(error).splitlines()[0]
    return None


def notice_by_command(explore: Explore, ablations: Mapping[str, Ablation], scenarios: Iterable[str]) -> None:
    """Without arguments: show which seed notices each clause. `300 drain flush`: which scenarios notice these."""
    if sys.argv[1:]:
        for clause in sys.argv[2:]:
            for scenario in scenarios:
                if found := noticed(explore, ablations[clause], scenario, range(int(sys.argv[1]))):
                    print(clause, scenario, *found, flush=True)
    else:
        for clause, ablation in ablations.items():
            _, scenario, first = ablation
            print(clause, scenario, noticed(explore, ablation, scenario, range(first, first + 300)), flush=True)


def trace_in_a_process(module: str, name: str, seed: int, *, hash_seed: str) -> str:
    """The trace as another process shows it, in which sets have another order."""
    return subprocess.run(
        [sys.executable, "-m", module, "show", name, str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
