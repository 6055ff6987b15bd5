"""Whole clusters through all that may befall them, and that the exploration would notice what is wrong.

`CASTY_SIM_SEEDS=1000` or `5000:6000` explores other seeds of each scenario; a failure names its seed.
`python -m tests.cluster.protocol.sharding.explorer 3000` explores 100,000 traces.
"""

from collections import Counter

import pytest

from tests.cluster.protocol.exploring import explore_each, noticed, seeds, trace_in_a_process
from tests.cluster.protocol.sharding.ablations import ABLATIONS
from tests.cluster.protocol.sharding.explorer import explore, trace
from tests.cluster.protocol.sharding.scenarios import SCENARIOS

SEEDS = seeds(20)


@pytest.mark.timeout(300 + len(SEEDS))
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_invariant_breaks(name: str) -> None:
    explore_each(explore, name, SEEDS)


@pytest.mark.parametrize("clause", ABLATIONS)
def test_a_missing_clause_is_noticed(clause: str) -> None:
    _, scenario, first = ABLATIONS[clause]
    assert noticed(explore, ABLATIONS[clause], scenario, range(first, first + 100)) is not None


def test_each_kind_of_step_happens() -> None:
    happened = Counter(step[0] for name in SCENARIOS for seed in range(3) for step, _ in trace(name, seed))
    kinds = "user system send claim handle passivate terminated drained time see see_up see_removed see_leaving come_up"
    faults = "connect leave quiesce exit move enable join crash out remove down break unsend"
    assert happened.keys() == {*kinds.split(), *faults.split()}


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    """Whatever the hash seed: no order of a set decides."""
    module = "tests.cluster.protocol.sharding.explorer"
    traces = [trace_in_a_process(module, "mix4", 7, hash_seed=hash_seed) for hash_seed in ("1", "2")]
    assert traces[0] == traces[1]
    assert traces[0].count("\n") > 20
