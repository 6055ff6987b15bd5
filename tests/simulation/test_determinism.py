"""The same seed does the same, in any process; another seed does something else."""

import os
import subprocess
import sys

from casty.testing.simulation import simulate, simulate_seeds

from tests.examples.programs import ROOT
from tests.simulation.actors import WORDS, scenario


def trace_in_another_process(seed: int, hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-m", "tests.simulation.actors", str(seed)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_the_same_seed_has_the_same_trace_and_another_seed_another_one() -> None:
    runs = simulate_seeds(scenario, 10, check_determinism=True)
    assert len({run.trace for run in runs}) == len(runs)
    assert len({run.result for run in runs}) == len(runs)
    assert {word for run in runs for word in run.result} == {word.upper() for word in WORDS}


def test_other_processes_with_other_hash_seeds_have_the_same_trace() -> None:
    here = simulate(scenario, 3).trace
    assert [trace_in_another_process(3, hash_seed) for hash_seed in (0, 1, 2)] == [here] * 3
