"""Nodes that leave in the middle of faults."""

import asyncio

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.streams import Streams

SEEDS = 1
LEFT = 60.0
"""Virtual seconds within which a node that is cut off while it leaves has ended."""


def test_a_node_that_is_downed_while_it_leaves_does_not_rejoin() -> None:
    async def scenario(sim: Simulation) -> None:
        streams = Streams(sim, 3, planned=False)
        await streams.begin()
        await asyncio.sleep(5.0)
        # Its shards are handed over by n1, but it waits until n2 has got what it has sent there.
        sim.network.partition(["n3"], ["n2"])
        system, node = streams.systems["n3"], streams.systems["n3"].node
        streams.leave("n3")
        await sim.eventually(lambda: not system.is_running, within=LEFT)
        streams.is_busy = False
        await asyncio.sleep(LEFT)
        assert node.views.current is None

    simulate_seeds(scenario, SEEDS)
