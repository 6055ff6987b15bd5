"""B6: after an 18 s partition both sides are one cluster again, with one leader and one singleton."""

import asyncio

import pytest
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


@pytest.mark.parametrize(("size", "side"), [(3, 1), (5, 2), (4, 2)])
def test_b6_what_was_divided_is_one_cluster_again(size: int, side: int) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, size)
        cluster.start()
        await sim.eventually(cluster.is_one)
        names = list(cluster.names)
        sim.random.shuffle(names)
        cut = sim.network.partition(names[:side], names[side:])
        await asyncio.sleep(18.0)
        cut.heal()
        await sim.eventually(cluster.is_one, within=40.0)
        assert len({state.leader for system in cluster.alive if (state := system.get_cluster_state())}) == 1
        await cluster.answers()

    simulate_seeds(scenario, 3)
