"""What callers of distributed structures see is linearizable, whatever befalls the nodes. `CASTY_SIM_SEEDS=1000` runs
more of these.
"""

import asyncio

import pytest
from casty.testing.simulation import Simulation, simulate_seeds

from tests.callers import MODELS
from tests.simulation.coordination.structures import StructureCluster

SEEDS = 2
SECONDS = 40.0


@pytest.mark.parametrize("kind", MODELS)
def test_what_callers_see_is_linearizable(kind: str) -> None:
    async def scenario(sim: Simulation) -> int:
        cluster = StructureCluster(sim, 3, [kind])
        await cluster.begin()
        await cluster.outlive(SECONDS)
        cluster.is_busy = False
        await asyncio.sleep(10.0)
        return cluster.check()

    operations = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(operations) > 10 * len(operations)
