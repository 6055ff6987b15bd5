"""B26: shards are rebalanced when a node joins, with no message lost or reordered."""

import asyncio

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.regions import ARRIVED, settle
from tests.simulation.sharding.streams import Streams
from tests.simulation.sharding.test_moves import REBALANCED, UNEVEN, runs_shards


def test_b26_a_node_that_joins_gets_its_share_and_no_message_is_lost_or_reordered() -> None:
    async def scenario(sim: Simulation) -> None:
        streams = Streams(sim, 3)
        streams.start(streams.names[:2])
        await asyncio.sleep(sim.random.uniform(3.0, 10.0))
        streams.start(streams.names[2:])
        await sim.eventually(streams.is_one)
        await sim.eventually(lambda: runs_shards(streams.systems[streams.names[2]]), within=REBALANCED)
        await settle(streams, ARRIVED)
        streams.all_was_heard()

    simulate_seeds(scenario, 3, settings=UNEVEN)
