"""Shards through all that may befall their copies, and that the exploration would notice what is wrong.

`CASTY_SIM_SEEDS=1000` or `5000:6000` explores other seeds of each scenario; a failure names its seed.
`python -m tests.cluster.protocol.replication.explorer 6000` explores 100,000 traces.
"""

import pytest

from tests.cluster.protocol.exploring import explore_each, noticed, seeds, trace_in_a_process
from tests.cluster.protocol.replication.ablations import ABLATIONS
from tests.cluster.protocol.replication.explorer import explore, trace
from tests.cluster.protocol.replication.scenarios import SCENARIOS

SEEDS = seeds(3)


@pytest.mark.timeout(300 + len(SEEDS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_invariant_breaks(name: str) -> None:
    """D1, W1, W2, W3, B11, B12, B13."""
    explore_each(explore, name, SEEDS)


@pytest.mark.parametrize("clause", ABLATIONS)
def test_a_missing_clause_is_noticed(clause: str) -> None:
    _, scenario, first = ABLATIONS[clause]
    assert noticed(explore, ABLATIONS[clause], scenario, range(first, first + 30)) is not None


def test_each_kind_of_step_happens() -> None:
    names = ("disks3", "wipe3", "grants3", "backups3", "alone3")
    happened = {step[0] for name in names for seed in range(20) for step, _ in trace(name, seed)}
    kinds = "deliver disk work read save restore append promote tick repeat drop grant crash restart wipe fail move"
    assert happened == {*kinds.split()}


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    """Whatever the hash seed: no order of a set decides."""
    module = "tests.cluster.protocol.replication.explorer"
    traces = [trace_in_a_process(module, "wipe5", 7, hash_seed=hash_seed) for hash_seed in ("1", "2")]
    assert traces[0] == traces[1]
    assert traces[0].count("\n") > 50
