"""What callers of structures in copies see is linearizable, whatever befalls nodes and disks. `CASTY_SIM_SEEDS=1000`
runs more of these.
"""

import asyncio
from typing import override

import pytest
from casty.distributed import Distributed
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.callers import MODELS
from tests.simulation.clusters import RECOVERY
from tests.simulation.coordination.structures import StructureCluster
from tests.simulation.replication.disks import CopyingCluster

SEEDS = 1
SECONDS = 40.0


class CopiedStructures(CopyingCluster, StructureCluster):
    """Each host has a disk of its own, and no journal that it shares with others."""

    region = "casty-distributed-persistent"

    @override
    def facade(self, system: ClusteredActorSystem) -> Distributed:
        return system.distributed("sim-disk://structures", self.replication)


@pytest.mark.parametrize("kind", MODELS)
def test_what_callers_of_copied_structures_see_is_linearizable(kind: str) -> None:
    async def scenario(sim: Simulation) -> tuple[int, int]:
        cluster = CopiedStructures(sim, 3, [kind])
        await cluster.begin()
        await cluster.outlive(SECONDS)
        before = cluster.returned
        await sim.eventually(lambda: cluster.returned >= before + 10, within=RECOVERY)
        cluster.is_busy = False
        await asyncio.sleep(10.0)
        return cluster.check(), cluster.wiped

    runs = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(operations for operations, _ in runs) > 10 * len(runs)
