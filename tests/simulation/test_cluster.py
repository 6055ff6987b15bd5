"""Whole clusters through starts in any order, crashes, partitions and pauses. `CASTY_SIM_SEEDS=1000` runs more."""

import asyncio

import pytest
from casty.testing.simulation import Simulation, faults, nemesis, simulate_seeds

from tests.simulation.clusters import SimulatedCluster

SEEDS = 2
DECIDED = 20.0
"""Virtual seconds after which both sides of a partition have decided, and the downed nodes have stopped."""


async def started(sim: Simulation, size: int) -> SimulatedCluster:
    cluster = SimulatedCluster(sim, size)
    await cluster.begin()
    return cluster


@pytest.mark.parametrize("size", [2, 3, 5])
def test_nodes_that_start_in_any_order_are_one_cluster(size: int) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, size)
        names = list(cluster.names)
        sim.random.shuffle(names)
        for name in names:
            cluster.start([name])
            await asyncio.sleep(sim.random.choice([0.0, 0.001, 0.3, 4.0]))
        await cluster.recover()

    simulate_seeds(scenario, SEEDS)


def test_nodes_that_crash_and_come_back_are_members_again() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = await started(sim, 3)
        await nemesis(sim, [faults.kill], seconds=60.0, lasting=(0.1, 20.0))
        await cluster.recover()

    simulate_seeds(scenario, SEEDS)


def test_what_a_partition_divides_is_one_again_after_it() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = await started(sim, 5)
        await nemesis(sim, faults.NETWORK, seconds=90.0, lasting=(1.0, 30.0))
        await cluster.recover()

    simulate_seeds(scenario, SEEDS)


def test_a_node_that_is_cut_off_waits_for_its_cluster_and_forms_no_other_one() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = await started(sim, 3)
        alone = sim.random.choice(cluster.names)
        others = [name for name in cluster.names if name != alone]
        with sim.network.partition([alone], others):
            await asyncio.sleep(DECIDED)
            for _ in range(60):
                await asyncio.sleep(1.0)
                assert not cluster.systems[alone].members
                assert len(cluster.running) == 1
                assert cluster.running.issubset(others)
        await cluster.recover()

    simulate_seeds(scenario, SEEDS)


def test_a_pause_of_three_seconds_costs_no_member_its_place() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = await started(sim, 3)
        before = {name: system.self_node for name, system in cluster.systems.items()}
        await nemesis(sim, [faults.pause], seconds=60.0, lasting=(0.1, 3.0), between=(0.0, 6.0))
        await cluster.recover()
        assert {name: system.self_node for name, system in cluster.systems.items()} == before

    simulate_seeds(scenario, SEEDS)


def test_whatever_happens_together_the_cluster_is_one_again_after_it() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = await started(sim, 5)
        await asyncio.gather(
            nemesis(sim, faults.NETWORK, seconds=60.0),
            nemesis(sim, [faults.kill, faults.pause], seconds=60.0, lasting=(0.1, 20.0)),
        )
        await cluster.recover()

    simulate_seeds(scenario, SEEDS)
