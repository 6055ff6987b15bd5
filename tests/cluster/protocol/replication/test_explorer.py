"""Shards through all that may befall their copies, and that the exploration would notice what is wrong.

`CASTY_SIM_SEEDS=1000` or `5000:6000` explores other seeds of each scenario; a failure names its seed.
`python -m tests.cluster.protocol.replication.explorer 6000` explores 100,000 traces.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.protocol.replication.ablations import ABLATIONS, caught
from tests.cluster.protocol.replication.explorer import explore, seeds, trace
from tests.cluster.protocol.replication.scenarios import SCENARIOS

SEEDS = seeds(20)
ROOT = Path(__file__).parents[4]


@pytest.mark.timeout(300 + len(SEEDS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_invariant_breaks(name: str) -> None:
    """D1, W1, W2, W3, B11, B12, B13."""
    for seed in SEEDS:
        try:
            explore(name, seed)
        except AssertionError as error:
            raise AssertionError(f"{name}, seed {seed}: {error}") from error


@pytest.mark.parametrize("clause", ABLATIONS)
def test_a_missing_clause_is_noticed(clause: str) -> None:
    _, scenario, first = ABLATIONS[clause]
    assert caught(clause, scenario, range(first, first + 30)) is not None


def test_each_kind_of_step_happens() -> None:
    happened = {
        step[0] for name in ("disks3", "wipe3", "grants3") for seed in range(20) for step, _ in trace(name, seed)
    }
    kinds = "deliver disk append promote tick repeat drop grant crash restart wipe fail"
    assert happened == {*kinds.split()}


PRINT_A_TRACE = """
from tests.cluster.protocol.replication.explorer import trace
for step, world in trace("wipe5", 7): print(step, world.now)
"""


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    """Whatever the hash seed: no order of a set decides."""
    traces = [
        subprocess.run(
            [sys.executable, "-c", PRINT_A_TRACE],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert traces[0] == traces[1]
    assert traces[0].count("\n") > 50
