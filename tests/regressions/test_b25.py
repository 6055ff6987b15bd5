"""B25: systems with different names never merge into one cluster, although they are each other's seed nodes."""

import asyncio

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


def test_b25_different_names_are_different_clusters() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3, systems={"n3": "another"})
        cluster.start()
        await asyncio.sleep(30.0)
        seen = {name: {m.node.host for m in system.members} for name, system in cluster.systems.items()}
        assert seen["n1"] == seen["n2"] == {"n1", "n2"}
        assert seen["n3"] <= {"n3"}

    simulate_seeds(scenario, 3)
