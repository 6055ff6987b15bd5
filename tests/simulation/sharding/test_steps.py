"""A node is killed, paused or cut off, or its clock jumps, at each step of the sharding protocol."""

import asyncio
from collections import Counter

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.sharding.ledger import Ledger
from tests.simulation.sharding.steps import STEPS, STRIKES, Trap
from tests.simulation.sharding.streams import MOST_TURNS

SEEDS = 2
RECOVERED = 25.0
"""Virtual seconds after which whatever has befallen a node is over."""


async def strike_at_a_step(sim: Simulation) -> str | None:
    """Nodes leave until the step is reached. Returns it; None: it was not reached in that run."""
    random = sim.random
    ledger = Ledger(sim, 3)
    trap = Trap(random, random.choice(STEPS), random.choice(STRIKES)(sim, random), sim)
    with trap.set():
        await ledger.begin()
        await sim.eventually(lambda: len(ledger.acknowledged) > 20)
        for _ in range(MOST_TURNS):
            await ledger.departure(sim, random, random.uniform(0.0, 3.0))
            # Shards are rebalanced to the node that has come back.
            await asyncio.sleep(RECOVERED)
            if trap.sprung is not None:
                break
    sim.heal()
    await ledger.recover()
    await ledger.every_account_replies()
    ledger.is_busy = False
    await ledger.check()
    return None if trap.sprung is None else trap.kind.__name__


def test_whatever_befalls_a_node_at_a_step_no_event_is_lost_and_all_shards_come_back() -> None:
    struck = Counter(run.result for run in simulate_seeds(strike_at_a_step, SEEDS))
    print(struck)
    assert None not in struck
