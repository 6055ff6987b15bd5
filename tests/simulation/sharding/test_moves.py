"""Planned moves of shards lose no message, change no order and fail no ask."""

import asyncio

from casty.testing.simulation import Link, Settings, Simulation, nemesis, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.sharding.regions import ARRIVED, machines, settle
from tests.simulation.sharding.streams import Streams

SEEDS = 1
UNEVEN = Settings(link=Link(jitter=0.02))
"""What is sent later may well arrive earlier, on another lane or from another node."""
REBALANCED = 25.0
"""Virtual seconds: two rounds of rebalancing."""
OFTEN = 20
FEW = 3
"""Moves of shards that a run has more of."""


async def restart_in_turn(sim: Simulation) -> int:
    """Nodes leave and come back, at times before their shards have been rebalanced; returns the number of moves."""
    streams = Streams(sim, 3)
    await streams.begin()

    async def depart(seconds: float) -> None:
        await nemesis(sim, [streams.departure], seconds=seconds, lasting=(0.01, 5.0), between=(0.0, 2.0))

    await depart(30.0)
    await streams.until_moved(OFTEN, lambda: depart(5.0))
    await streams.recover()
    await settle(streams, ARRIVED)
    streams.all_was_heard()
    return streams.moves


def runs_shards(system: ClusteredActorSystem) -> bool:
    pair = machines(system)
    return pair is not None and len(pair.region.owner) > 0


async def grow_and_shrink(sim: Simulation) -> int:
    """A node joins, shards are rebalanced, and a node leaves, whichever that is."""
    streams = Streams(sim, 4)
    streams.start(streams.names[:3])
    await asyncio.sleep(sim.random.uniform(3.0, 10.0))
    # The third node may have joined late, and has its share before a fourth one has.
    await sim.eventually(lambda: runs_shards(streams.systems[streams.names[2]]), within=REBALANCED)
    streams.start(streams.names[3:])
    await sim.eventually(streams.is_one)
    # By itself: what departures move comes later.
    await sim.eventually(lambda: runs_shards(streams.systems[streams.names[3]]), within=REBALANCED)
    await asyncio.sleep(sim.random.uniform(0.0, REBALANCED / 2))

    async def shrink() -> None:
        await streams.departure(sim, sim.random, sim.random.uniform(0.0, 5.0))
        await streams.recover()
        await asyncio.sleep(sim.random.uniform(0.0, REBALANCED))

    await shrink()
    await streams.until_moved(FEW, shrink)
    await settle(streams, ARRIVED)
    streams.all_was_heard()
    return streams.moves


def test_rolling_restarts_lose_and_reorder_nothing_and_fail_no_ask() -> None:
    assert all(run.result > OFTEN for run in simulate_seeds(restart_in_turn, SEEDS, settings=UNEVEN))


def test_a_join_and_a_leave_lose_and_reorder_nothing_and_fail_no_ask() -> None:
    assert all(run.result > FEW for run in simulate_seeds(grow_and_shrink, SEEDS, settings=UNEVEN))
