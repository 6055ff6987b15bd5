"""Hundreds of shards that no node runs yet are asked for while their coordinator dies."""

import asyncio
from typing import Any

from casty import ActorRef, NodeLostError
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.ledger import AVAILABLE
from tests.simulation.sharding.regions import REGION
from tests.simulation.sharding.streams import Streams, ask_heard

SEEDS = 1
IDS = tuple(f"first-{number}" for number in range(600))
"""All their replies at once, and all flushes of their shards, still fit into the simulated queue of one node."""


class Many(Streams):
    """Three hundred shards."""

    num_shards = 300

    async def ask_all(self, name: str) -> None:
        async with asyncio.timeout(AVAILABLE), asyncio.TaskGroup() as asks:
            for entity_id in IDS:
                asks.create_task(self._insist(self.systems[name].entity_ref(REGION, entity_id)))

    async def _insist(self, entity: ActorRef[Any]) -> None:
        while True:
            try:
                await ask_heard(entity, 0, AVAILABLE)
                return
            except NodeLostError:  # the entity was on the node that was killed
                await asyncio.sleep(0.1)


async def ask_while_the_coordinator_dies(sim: Simulation) -> None:
    many = Many(sim, 3, planned=False)
    await many.begin()
    oldest = min(many.systems.values(), key=lambda system: system.self_node.up_number)
    name = next(name for name, system in many.systems.items() if system is oldest)
    asks = [sim.host(other).run(lambda other=other: many.ask_all(other)) for other in many.names if other != name]
    pending = asyncio.gather(*asks)
    await asyncio.sleep(sim.random.uniform(0.0, 0.05))
    sim.host(name).crash(silent=sim.random.random() < 0.5)
    await pending


def test_hundreds_of_shards_that_are_asked_for_while_the_coordinator_dies_all_reply() -> None:
    simulate_seeds(ask_while_the_coordinator_dies, SEEDS)
