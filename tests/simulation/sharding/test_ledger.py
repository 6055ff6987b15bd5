"""Event-sourced entities through all that may befall a cluster. `CASTY_SIM_SEEDS=2000` runs more."""

import asyncio

from casty.testing.simulation import DiskFaults, Simulation, simulate_seeds

from tests.simulation.sharding.ledger import Ledger

SEEDS = 1
SECONDS = 30.0
MANY = 100


async def survive(sim: Simulation) -> int:
    """Partitions, kills, pauses and departures, two at a time; returns how much was acknowledged."""
    ledger = Ledger(sim, 3)
    await ledger.begin()
    await ledger.outlive(SECONDS)
    await ledger.every_account_replies()
    before = len(ledger.acknowledged)
    await sim.eventually(lambda: len(ledger.acknowledged) > max(before + 20, MANY))
    ledger.is_busy = False
    await ledger.check()
    return len(ledger.acknowledged)


def test_what_entities_have_acknowledged_is_never_lost_and_never_done_twice() -> None:
    """Also: strictly in order of each sender, one writer of each epoch, and no ask outlives its timeout."""
    assert all(run.result > MANY for run in simulate_seeds(survive, SEEDS))


async def outage(sim: Simulation) -> None:
    """A node is killed while the journal is away."""
    ledger = Ledger(sim, 3)
    await ledger.begin()
    await sim.eventually(lambda: len(ledger.acknowledged) > 20)
    sim.database.faults = DiskFaults(broken=True)
    victim = sim.random.choice(ledger.names)
    sim.host(victim).crash()
    await asyncio.sleep(sim.random.uniform(5.0, 20.0))
    sim.database.mend()
    sim.host(victim).restart()
    await ledger.recover()
    await ledger.every_account_replies()
    ledger.is_busy = False
    await ledger.check()


def test_an_outage_of_the_journal_while_shards_are_taken_over_delays_them_only() -> None:
    simulate_seeds(outage, SEEDS)
