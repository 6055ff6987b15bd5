"""Nodes that never stay, an entity that never stops, and two sides of a cluster that both go on."""

import asyncio
from typing import Any, override

import pytest
from casty import ActorContext, Behavior, Behaviors
from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.ledger import Ledger
from tests.simulation.sharding.regions import ARRIVED, ENTITIES, REGION, settle
from tests.simulation.sharding.streams import Hang, Streams, ask_heard
from tests.simulation.sharding.test_moves import UNEVEN
from tests.simulation.sharding.test_order import owned_by

SEEDS = 1
TURNS = 8
ABANDONED = 25.0
"""Virtual seconds after which a handler that ignores its cancellation is abandoned: the drain, and the patience of the
runtime.
"""
DIVIDED = 20.0


async def come_and_go(sim: Simulation) -> int:
    """As soon as all nodes are up, one of them leaves, again and again."""
    streams = Streams(sim, 3)
    await streams.begin()
    for _ in range(TURNS):
        await leave_and_join(sim, streams)
    await streams.until_moved(TURNS, lambda: leave_and_join(sim, streams))
    await settle(streams, ARRIVED)
    streams.all_was_heard()
    return streams.moves


async def leave_and_join(sim: Simulation, streams: Streams) -> None:
    name = sim.random.choice(streams.names)
    system = streams.systems[name]
    streams.leave(name)
    await sim.eventually(lambda: not system.is_running)
    sim.host(name).restart()
    await sim.eventually(streams.is_one)
    await asyncio.sleep(sim.random.uniform(0.0, 1.0))


def test_nodes_that_leave_and_join_all_the_time_lose_and_reorder_nothing() -> None:
    assert all(run.result > TURNS for run in simulate_seeds(come_and_go, SEEDS, settings=UNEVEN))


class Clinging(Streams):
    """An entity that hangs ignores its cancellation."""

    def __init__(self, sim: Simulation, size: int, **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self._never = asyncio.Event()
        """Something has to refer to what an abandoned handler waits for: else its task is collected, with an error."""

    @override
    def entity(self, name: str, entity_id: str) -> Behavior[Any]:
        async def cling(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            while isinstance(message, Hang):
                try:
                    await self._never.wait()
                except asyncio.CancelledError:
                    self.sim.note(f"{entity_id} goes on")
            return Behaviors.same()

        return Behaviors.receive(cling) if entity_id == ENTITIES[0] else super().entity(name, entity_id)


async def cling(sim: Simulation) -> None:
    """The node of an entity that never stops leaves: its shards move, the entity's own one last."""
    streams = Clinging(sim, 3, planned=False)
    await streams.begin()
    await asyncio.sleep(5.0)
    [leaver] = [name for name in streams.names if ENTITIES[0] in owned_by(streams, name)]
    system = streams.systems[leaver]
    with pytest.raises(TimeoutError):
        await sim.host(leaver).run(lambda: system.entity_ref(REGION, ENTITIES[0]).ask(Hang, timeout=0.1))
    streams.leave(leaver)
    await asyncio.sleep(2.0)
    asker = next(name for name in streams.names if name != leaver)
    others = [entity_id for entity_id in ENTITIES if entity_id not in owned_by(streams, leaver)]
    assert len(others) > len(ENTITIES) / 2

    async def ask() -> None:
        for entity_id in others:
            await ask_heard(streams.systems[asker].entity_ref(REGION, entity_id), 0, 1.0)

    await sim.host(asker).run(ask)
    await sim.eventually(lambda: not system.is_running, within=ABANDONED)


def test_an_entity_that_ignores_its_cancellation_delays_its_own_shard_only_and_not_for_ever() -> None:
    simulate_seeds(cling, SEEDS)


async def go_on_twice(sim: Simulation) -> None:
    """Operators down the other side of a partition on both sides, so that both run all shards, on one journal."""
    ledger = Ledger(sim, 3)
    await ledger.begin()
    await asyncio.sleep(3.0)
    sides = [["n1"], ["n2", "n3"]]
    cut = sim.network.partition(*sides)
    nodes = {name: system.self_node.node for name, system in ledger.systems.items()}
    for name, system in ledger.systems.items():
        for other in next(side for side in sides if name not in side):
            await sim.host(name).run(lambda system=system, other=other: down(system, nodes[other]))
    before = len(ledger.acknowledged)
    await asyncio.sleep(DIVIDED)
    assert len(ledger.acknowledged) > before + 20
    cut.heal()
    await ledger.recover()
    await ledger.every_account_replies()
    ledger.is_busy = False
    await ledger.check()


async def down(system: Any, node: Any) -> None:
    system.node.down(node)


def test_where_both_sides_of_a_partition_write_the_fences_keep_their_writes_apart() -> None:
    simulate_seeds(go_on_twice, SEEDS)
