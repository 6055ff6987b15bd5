"""Replicated entities through all that may befall a cluster and its disks. `CASTY_SIM_SEEDS=500` runs more."""

from casty.testing.simulation import Simulation, simulate_seeds

from tests.simulation.replication.copied import Copied

SEEDS = 1
SECONDS = 40.0


async def survive(sim: Simulation) -> tuple[int, int]:
    """Partitions, kills with and without disks, pauses and bad disks, two at a time."""
    copied = Copied(sim)
    await copied.begin()
    await sim.eventually(lambda: len(copied.acknowledged) > 20)
    await copied.outlive(SECONDS)
    before = len(copied.acknowledged)
    await sim.eventually(lambda: len(copied.acknowledged) > before + 20)
    await copied.every_account_replies()
    return len(copied.acknowledged), copied.wiped


def test_what_copies_have_acknowledged_survives_any_one_disk() -> None:
    runs = [run.result for run in simulate_seeds(survive, SEEDS)]
    assert sum(acknowledged for acknowledged, _ in runs) > 100 * len(runs)
