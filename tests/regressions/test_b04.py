"""B4: after `kill -9` of any node of three the others notice, requests to its entities succeed again, and the dead node
never returns to `up`.
"""

import asyncio

import pytest
from casty import MemberLeft, MemberUp
from casty.member import NodeId
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster
from tests.simulation.sharding.ledger import Ledger


@pytest.mark.parametrize("victim", ["n1", "n2", "n3"])
def test_b4_a_killed_node_is_removed_for_good(victim: str) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3)
        cluster.start()
        await sim.eventually(cluster.is_one)
        dead = cluster.systems[victim].self_node.node
        others = [system for name, system in cluster.systems.items() if name != victim]
        said: list[tuple[NodeId, str]] = []
        for system in others:
            system.event_stream.subscribe(MemberLeft, lambda event: said.append((event.member.node, "left")))
            system.event_stream.subscribe(MemberUp, lambda event: said.append((event.member.node, "up")))
        sim.host(victim).crash(silent=True)
        await sim.eventually(lambda: all(len(system.members) == 2 for system in others), within=15.0)
        await asyncio.sleep(60.0)
        assert said == [(dead, "left")] * 2
        assert all(dead not in {member.node for member in system.members} for system in others)
        assert len(cluster.running - {victim}) == 1, "the singleton runs on one of the two survivors"

    simulate_seeds(scenario, 3)


@pytest.mark.parametrize("victim", ["n1", "n2", "n3"])
def test_b4_entities_of_a_killed_node_reply_again_with_all_they_had(victim: str) -> None:
    async def scenario(sim: Simulation) -> None:
        ledger = Ledger(sim, 3)
        await ledger.begin()
        await sim.eventually(lambda: len(ledger.acknowledged) > 20)
        survivors = [name for name in ledger.names if name != victim]
        sim.host(victim).crash(silent=True)
        await sim.eventually(lambda: all(len(ledger.systems[name].members) == 2 for name in survivors), within=15.0)
        await ledger.every_account_replies()
        ledger.is_busy = False
        await ledger.check()

    simulate_seeds(scenario, 2)
