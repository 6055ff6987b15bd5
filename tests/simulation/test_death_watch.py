"""Watches across nodes, through all that may befall a cluster. `CASTY_SIM_SEEDS=1000` runs more."""

import pytest
from casty.testing.simulation import Link, Settings, Simulation, simulate_seeds

from tests.simulation.watching import WatchingCluster

SEEDS = 3
LOSSY = Settings(link=Link(lossy=True, loss=0.05, duplication=0.05, reordering=0.1))


async def scenario(sim: Simulation) -> int:
    cluster = WatchingCluster(sim, 4)
    await cluster.begin()
    await cluster.outlive(30.0)
    await cluster.end_all()
    return len(cluster.watches)


@pytest.mark.parametrize("settings", [Settings(), LOSSY], ids=["usual", "lossy"])
def test_each_watch_ends_once_and_not_before_its_actor_or_node_is_gone(settings: Settings) -> None:
    watched = [run.result for run in simulate_seeds(scenario, SEEDS, settings=settings)]
    assert sum(watched) > 50 * len(watched)
