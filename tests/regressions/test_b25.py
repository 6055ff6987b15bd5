"""B25: systems with different names never merge into one cluster, although they are each other's seed nodes."""

import asyncio
from typing import override

from casty.errors import JoinError
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


class Noting(SimulatedCluster):
    """Its nodes may be rejected, which ends their programs."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim, 3, systems={"n3": "another"})
        self.rejected: dict[str, str] = {}

    @override
    async def _node(self, name: str) -> None:
        try:
            await super()._node(name)
        except JoinError as error:
            self.rejected[name] = str(error)


def test_b25_different_names_are_different_clusters() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = Noting(sim)
        cluster.start()
        await asyncio.sleep(30.0)
        for name in ("n1", "n2"):
            assert {member.node.host for member in cluster.systems[name].members} == {"n1", "n2"}
        assert cluster.rejected.keys() == {"n3"}
        assert "this is the cluster 'sim', not 'another'" in cluster.rejected["n3"]

    simulate_seeds(scenario, 3)
