"""B10: the host of a lock is killed at each step of a grant: the caller gets it all the same, and it alone."""

import asyncio

import pytest
from casty.extension import shard_of
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster.sharding.feature import Sharding

from tests.simulation.coordination.structures import JOURNAL, StructureCluster

SEEDS = 1
STEPS = tuple(number * 0.002 for number in range(9))
"""Virtual seconds after the call at which the host dies: a grant takes about 0.012."""
PATIENCE = 60.0


def host_of(cluster: StructureCluster, entity_id: str) -> str:
    shard = shard_of(entity_id, 100)
    for name, system in cluster.systems.items():
        region = system.features.find(Sharding).regions["casty-distributed-persistent"]
        if region.holding(shard) is not None:
            return name
    raise AssertionError(f"no node runs {entity_id}")


@pytest.mark.parametrize("step", STEPS)
def test_a_lock_whose_host_dies_during_a_grant_has_one_holder(step: float) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = StructureCluster(sim, 3, [])
        await cluster.begin()
        locks = {
            name: system.distributed(JOURNAL).lock("x", timeout=PATIENCE) for name, system in cluster.systems.items()
        }

        async def pass_it_on(name: str) -> int:
            async with locks[name] as grant:
                return grant.token

        before = [await sim.host(name).run(lambda name=name: pass_it_on(name)) for name in cluster.names]
        assert before == [1, 2, 3]
        host = host_of(cluster, "lock:x")
        caller, other = (name for name in cluster.names if name != host)
        calling = asyncio.create_task(sim.host(caller).run(locks[caller].acquire))
        await asyncio.sleep(step)
        sim.host(host).crash()
        grant = await calling
        assert grant.token > 3
        assert await sim.host(other).run(locks[other].try_acquire) is False
        assert grant.is_held
        assert await sim.host(caller).run(grant.release) is True
        assert await sim.host(other).run(lambda: pass_it_on(other)) > grant.token

    simulate_seeds(scenario, SEEDS)
