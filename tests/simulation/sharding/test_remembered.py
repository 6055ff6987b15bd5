"""Remembered entities run by themselves after whatever has befallen the cluster. `CASTY_SIM_SEEDS=2000` runs more."""

import asyncio
from collections import Counter
from typing import Any, override

from casty import Behaviors, RegionRef
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem
from casty_cluster.sharding.feature import Sharding

from tests.simulation.bank import Command
from tests.simulation.sharding.ledger import AVAILABLE, JOURNAL, Ledger
from tests.simulation.sharding.regions import ARRIVED, ENTITIES, REGION, SHARDS

SEEDS = 1
SECONDS = 15.0


class Remembered(Ledger):
    """A ledger whose accounts are remembered, and never passivated."""

    @override
    def spawn_region(self, name: str, system: ClusteredActorSystem) -> RegionRef[Command]:
        region: RegionRef[Any] = system.spawn(
            Behaviors.sharded(
                lambda entity_id: self.entity(name, entity_id),
                num_shards=SHARDS,
                remember_entities=f"sim-database://{JOURNAL}",
            ),
            REGION,
        )
        return region

    def places(self) -> Counter[str]:
        """On how many members each entity runs."""
        found = Counter[str]()
        for system in self.alive:
            region = system.features.find(Sharding).regions.get(REGION)
            shards = None if region is None else region._shards
            for number in () if shards is None else shards.numbers:
                entities = shards.get(number) if shards is not None else None
                found.update(() if entities is None else entities._current.keys())
        return found


async def return_by_themselves(sim: Simulation) -> None:
    """Partitions, kills, pauses and departures; then each node is killed once more, and no message is sent."""
    ledger = Remembered(sim, 3)
    await ledger.begin()
    await ledger.outlive(SECONDS)
    await sim.eventually(lambda: len({*ledger.acknowledged.values()}) > len(ENTITIES) / 2)
    ledger.is_busy = False
    await asyncio.sleep(ARRIVED)
    known = [entity_id for entity_id in ENTITIES if await ledger._stored(entity_id)]
    for name in ledger.names:
        sim.host(name).crash()
        sim.host(name).restart()
        await sim.eventually(ledger.is_one, within=60.0)
    await sim.eventually(lambda: all(ledger.places()[entity_id] == 1 for entity_id in known), within=AVAILABLE)
    await ledger.check()


def test_remembered_entities_run_on_one_member_each_without_a_message() -> None:
    simulate_seeds(return_by_themselves, SEEDS)
