"""How soon what a dead node did is done by another one, and that none is taken for dead that only stands still."""

import asyncio
from typing import Final

import pytest
from casty import CastyError
from casty.testing.simulation import Simulation, faults, nemesis, simulate_seeds

from tests.simulation.clusters import SimulatedCluster, Where

SEEDS = 3
WITHIN: Final = {"default": 8.0, "fast": 3.0}
"""Virtual seconds from the death of a process to the first answer of its successor."""
IN_TIME: Final = 0.25
"""Virtual seconds that each ask waits."""

paces = pytest.mark.parametrize("failover", list(WITHIN))


@paces
def test_the_singleton_of_a_killed_process_soon_answers_from_elsewhere(failover: str) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3, failover=failover)
        await cluster.begin()
        await asyncio.sleep(sim.random.uniform(0.0, 10.0))
        [victim] = cluster.running
        asker = sim.random.choice([name for name in cluster.names if name != victim])
        sim.host(victim).crash()
        begun = sim.time()
        assert await sim.host(asker).run(lambda: first_answer(cluster, asker)) != victim
        assert sim.time() - begun < WITHIN[failover]

    simulate_seeds(scenario, SEEDS)


async def first_answer(cluster: SimulatedCluster, asker: str) -> str:
    system = cluster.systems[asker]
    singleton = system.lookup("/singleton")
    assert singleton is not None
    while True:
        try:
            return await system.ask(singleton, Where, timeout=IN_TIME)
        except (TimeoutError, CastyError):
            await asyncio.sleep(0.02)


@paces
def test_a_node_or_network_that_stands_still_for_three_seconds_costs_no_member_its_place(failover: str) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3, failover=failover)
        await cluster.begin()
        before = {name: system.self_node for name, system in cluster.systems.items()}
        stalls = [faults.pause, faults.random_node, faults.one_way]
        await nemesis(sim, stalls, seconds=60.0, lasting=(0.1, 3.0), between=(1.0, 6.0))
        await cluster.recover()
        assert {name: system.self_node for name, system in cluster.systems.items()} == before

    simulate_seeds(scenario, SEEDS)


def test_nodes_of_different_paces_are_no_cluster() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 2)
        cluster.start(["n1"])
        await sim.eventually(lambda: cluster.running == {"n1"}, within=30.0)
        hasty = SimulatedCluster(sim, 2, failover="fast", when_rejected="stay")
        hasty.start(["n2"])
        await sim.eventually(lambda: "n2" in hasty.systems and hasty.systems["n2"].is_running, within=10.0)
        node = hasty.systems["n2"].node
        await sim.eventually(lambda: "failover" in node.join_blocked_reason, within=60.0)
        assert node.views.current is None

    simulate_seeds(scenario, 1)
