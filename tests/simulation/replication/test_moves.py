"""Nodes with copies join, and leave for a moment or for good: no ask fails, and nothing is out of reach afterwards.
`CASTY_SIM_SEEDS=500` runs more.
"""

import asyncio
from dataclasses import replace
from typing import override

import pytest
from casty.replication import ReplicationConfig
from casty.testing.simulation import Link, Settings, Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.replication.copied import Copied
from tests.simulation.sharding.regions import ENTITIES, SHARDS, machines

SEEDS = 1
GROUPS = [(3, 2, 1), (4, 1, 1), (4, 1, 0), (5, 3, 2)]
"""Nodes, replicas, and acknowledgements."""
UNEVEN = Settings(link=Link(jitter=0.02))
PATIENCE = 30.0
"""Virtual seconds that an ask waits: longer than any planned move takes. Copies acknowledge within one."""
LONG_ENOUGH = 120.0
"""Virtual seconds within which slow clients have asked each entity."""
FEW = 20
DEPARTURES = 6


class Orderly(Copied):
    """Nodes do nothing but join, leave and come back."""

    timeouts = (PATIENCE,)

    @override
    def failed(self, system: ClusteredActorSystem, entity_id: str, error: Exception) -> None:
        if system not in self.left_at:
            self.wrong.append(f"an ask of {entity_id} failed: {type(error).__name__}: {error}")

    async def begin_complete(self) -> None:
        await self.begin()
        await self.sim.eventually(lambda: len(self.acknowledged) > FEW and self.is_complete)


async def restart_in_turn(sim: Simulation, size: int, replicas: int, min_acks: int) -> int:
    """The next one leaves when the one before is up again, and may do so before its copies are complete."""
    orderly = Orderly(sim, size, replicas=replicas, min_acks=min_acks)
    await orderly.begin_complete()
    for _ in range(DEPARTURES):
        await orderly.departure(sim, sim.random, sim.random.uniform(0.01, 5.0))
        await orderly.recover()
        await asyncio.sleep(sim.random.uniform(0.0, 2.0))
    await orderly.every_account_replies()
    return len(orderly.acknowledged)


class Changing(Orderly):
    """Nodes that are started again have spawned the region with `after`, and the others with `before`."""

    def __init__(self, sim: Simulation, size: int, before: tuple[int, int], after: tuple[int, int]) -> None:
        super().__init__(sim, size, replicas=before[0], min_acks=before[1])
        self.after = replace(self.replication, replicas=after[0], min_acks=after[1])
        self.restarted: set[str] = set()

    @override
    def replication_on(self, name: str) -> ReplicationConfig:
        return self.after if name in self.restarted else self.replication


async def change(sim: Simulation, size: int, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Nodes are restarted in turn, with other numbers of replicas and acknowledgements."""
    changing = Changing(sim, size, before, after)
    await changing.begin_complete()
    for name in sim.random.sample(changing.names, size):
        changing.leave(name)
        changing.restarted.add(name)
        await sim.eventually(lambda name=name: not changing.systems[name].is_running)
        await asyncio.sleep(sim.random.uniform(0.0, 3.0))
        sim.host(name).restart()
        await changing.recover()
        await asyncio.sleep(sim.random.uniform(0.0, 4.0))
    changing.replication = changing.after
    await sim.eventually(lambda: changing.is_complete, within=LONG_ENOUGH)
    await changing.every_account_replies()


async def shrink(sim: Simulation, size: int, replicas: int, min_acks: int) -> None:
    """Nodes leave for good, at once or in turn, until there are as many as a write needs."""
    orderly = Orderly(sim, size, replicas=replicas, min_acks=min_acks)
    await orderly.begin_complete()
    names = sim.random.sample(orderly.names, size - 1 - min_acks)
    for name in names:
        orderly.leave(name)
        if sim.random.random() < 0.5:
            await sim.eventually(lambda name=name: not orderly.systems[name].is_running)
    await sim.eventually(lambda: not any(orderly.systems[name].is_running for name in names))
    before = set(orderly.acknowledged)

    def all_have_replied() -> bool:
        return {orderly.acknowledged[number] for number in orderly.acknowledged.keys() - before} == {*ENTITIES}

    await sim.eventually(all_have_replied, within=LONG_ENOUGH)


async def grow(sim: Simulation, size: int, replicas: int, min_acks: int) -> int:
    """Two nodes join; returns how often shards were granted again until all nodes had their share of them."""
    orderly = Orderly(sim, size, replicas=replicas, min_acks=min_acks)
    orderly.start(orderly.names[:-2])
    await sim.eventually(lambda: len(orderly.acknowledged) > FEW)
    for name in orderly.names[-2:]:
        orderly.start([name])
        await asyncio.sleep(sim.random.uniform(0.0, 15.0))
    await orderly.recover()

    def all_have_their_share() -> bool:
        shares = [len(pair.region.owner) for system in orderly.alive if (pair := machines(system)) is not None]
        return len(shares) == size and max(shares) - min(shares) < 2 and orderly.is_complete

    await sim.eventually(all_have_their_share, within=LONG_ENOUGH)
    await orderly.every_account_replies()
    return orderly.moves


@pytest.mark.parametrize(("size", "replicas", "min_acks"), GROUPS)
def test_rolling_restarts_fail_no_ask(size: int, replicas: int, min_acks: int) -> None:
    runs = simulate_seeds(lambda sim: restart_in_turn(sim, size, replicas, min_acks), SEEDS, settings=UNEVEN)
    assert all(run.result > 2 * FEW for run in runs)


@pytest.mark.parametrize(("size", "replicas", "min_acks"), GROUPS)
def test_nodes_that_leave_for_good_take_nothing_with_them(size: int, replicas: int, min_acks: int) -> None:
    simulate_seeds(lambda sim: shrink(sim, size, replicas, min_acks), SEEDS, settings=UNEVEN)


@pytest.mark.parametrize(("size", "replicas", "min_acks"), [(4, 1, 1), (4, 1, 0), (5, 2, 1)])
def test_nodes_that_join_get_their_share_of_the_shards(size: int, replicas: int, min_acks: int) -> None:
    """A shard is granted again at most twice: with a copy on the new node, and then to it."""
    runs = simulate_seeds(lambda sim: grow(sim, size, replicas, min_acks), SEEDS, settings=UNEVEN)
    assert all(run.result <= 2 * SHARDS for run in runs)


@pytest.mark.parametrize(("before", "after"), [((1, 1), (2, 1)), ((2, 1), (1, 1)), ((2, 2), (2, 1))])
def test_other_settings_hold_when_all_nodes_have_been_restarted(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    simulate_seeds(lambda sim: change(sim, 4, before, after), SEEDS, settings=UNEVEN)
