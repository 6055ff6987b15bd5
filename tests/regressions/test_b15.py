"""B15: a process that is started again at the same host and port is a new node, and what was meant for the old one does
not reach it.
"""

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


def test_b15_a_restarted_process_is_another_node_at_the_same_address() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3)
        cluster.start()
        await sim.eventually(cluster.is_one)
        before = cluster.systems["n2"].self_node
        sim.host("n2").restart()
        await sim.eventually(cluster.is_one, within=30.0)
        after = cluster.systems["n2"].self_node
        assert after.address == before.address
        assert after.node != before.node
        assert after.up_number > before.up_number
        for system in cluster.alive:
            assert before.node not in {member.node for member in system.members}

    simulate_seeds(scenario, 5)
