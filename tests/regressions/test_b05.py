"""B5: a node paused for 3 s downs no member when it wakes, is not downed, and never sees itself as the only member."""

import asyncio

from casty import MemberLeft, UnreachableMember
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.clusters import SimulatedCluster


def test_b5_a_pause_of_three_seconds_suspects_no_node() -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = SimulatedCluster(sim, 3)
        cluster.start()
        await sim.eventually(cluster.is_one)
        await asyncio.sleep(20.0)
        said: list[object] = []
        for system in cluster.systems.values():
            system.event_stream.subscribe(UnreachableMember, said.append)
            system.event_stream.subscribe(MemberLeft, said.append)
        for name in cluster.names:
            sim.host(name).pause()
            await asyncio.sleep(3.0)
            sim.host(name).resume()
            await asyncio.sleep(sim.random.uniform(0.0, 5.0))
        await asyncio.sleep(20.0)
        assert said == []
        assert cluster.is_one()

    simulate_seeds(scenario, 5)
