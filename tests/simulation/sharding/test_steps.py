"""A node is killed, paused or cut off, or its clock jumps, at each step of the sharding protocol."""

import asyncio
from typing import Any

import pytest
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster.wire.sharding import Refused

from tests.simulation.sharding.ledger import JOURNAL, Ledger
from tests.simulation.sharding.regions import REGION, SHARDS
from tests.simulation.sharding.steps import STEPS, STRIKES, Trap
from tests.simulation.sharding.streams import MOST_TURNS

SEEDS = 1
RECOVERED = 25.0
"""Virtual seconds after which whatever has befallen a node is over."""
HIGH = 2**60
"""An epoch of another cluster, above all of this one."""


async def strike_at(sim: Simulation, step: type[Any]) -> None:
    """Nodes leave until the step is reached."""
    random = sim.random
    ledger = Ledger(sim, 3)
    trap = Trap(random, step, random.choice(STRIKES)(sim, random), sim)
    with trap.set():
        await ledger.begin()
        await sim.eventually(lambda: len(ledger.acknowledged) > 20)
        for turn in range(MOST_TURNS):
            if step is Refused:
                await fence_off(sim, HIGH + turn * 1_000)
            await ledger.departure(sim, random, random.uniform(0.0, 3.0))
            # Shards are rebalanced to the node that has come back.
            await asyncio.sleep(RECOVERED)
            if trap.sprung is not None:
                break
    assert trap.sprung is not None, f"no node was struck: {step.__name__} was not reached"
    sim.heal()
    await ledger.recover()
    await ledger.every_account_replies()
    ledger.is_busy = False
    await ledger.check()


async def fence_off(sim: Simulation, epoch: int) -> None:
    """Take the fences of all shards away, as another cluster on the same journal would."""
    for shard in range(SHARDS):
        await sim.database.store(JOURNAL).claim(f"shard/{REGION}/{shard}", "stranger", epoch)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_whatever_befalls_a_node_at_a_step_no_event_is_lost_and_all_shards_come_back(step: type[Any]) -> None:
    async def scenario(sim: Simulation) -> None:
        await strike_at(sim, step)

    simulate_seeds(scenario, SEEDS)
