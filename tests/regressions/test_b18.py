"""B18: two nodes that are started at once, or one after the other, each with only the other as its seed node, form one
cluster, and soon. (The program of seed 003 that prints 150 needs entities besides.)
"""

import asyncio

import pytest
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


@pytest.mark.parametrize("pause", [0.0, 0.1, 3.0])
def test_b18_two_nodes_that_name_each_other_are_one_cluster(pause: float) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 2, mutual=True)
        first, second = sim.random.sample(cluster.names, 2)
        cluster.start([first])
        await asyncio.sleep(pause)
        cluster.start([second])
        await sim.eventually(cluster.is_one, within=2.0)
        members = {system.members for system in cluster.alive}
        assert len(members) == 1

    simulate_seeds(scenario, 20)
