"""Replicated entities through all that may befall a cluster and its disks. `CASTY_SIM_SEEDS=500` runs more."""

import asyncio

import pytest
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster.replication import copy_store, generation
from casty_cluster.wire.sharding import HostPhase

from tests.simulation.clusters import RECOVERY
from tests.simulation.replication.copied import Copied
from tests.simulation.sharding.regions import machines

SEEDS = 1
SECONDS = 40.0
LOSSES = 4


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compactions all the time, though there are few deposits."""
    monkeypatch.setattr(generation, "SEGMENT", 8)
    monkeypatch.setattr(copy_store, "SLACK", 2_000)


async def survive(sim: Simulation, size: int, replicas: int, min_acks: int) -> tuple[int, int, int, int]:
    """Partitions, kills with and without disks, pauses and bad disks, two at a time."""
    copied = Copied(sim, size, replicas=replicas, min_acks=min_acks)
    await copied.begin()
    await sim.eventually(lambda: len(copied.acknowledged) > 20)
    await copied.outlive(SECONDS)
    before = len(copied.acknowledged)
    await sim.eventually(lambda: len(copied.acknowledged) > before + 20)
    await copied.every_account_replies()
    return len(copied.acknowledged), copied.reads, copied.snapshots, copied.generations


async def start_anew(sim: Simulation) -> int:
    """Twice all nodes end at once, and come back one after the other: first some that lack copies of many shards."""
    copied = Copied(sim, 5, replicas=1)
    await copied.begin()
    for _ in range(2):
        before = len(copied.acknowledged)
        await sim.eventually(lambda before=before: copied.is_complete and len(copied.acknowledged) > before + 20)
        for host in sim.hosts:
            host.crash()
        for host in sim.random.sample(sim.hosts, len(sim.hosts)):
            host.restart()
            await asyncio.sleep(sim.random.uniform(0.0, 10.0))
    await copied.every_account_replies()
    return len(copied.acknowledged)


async def lose_disks_and_coordinators(sim: Simulation) -> int:
    """One disk after the other is lost, each once all copies are complete; and the oldest node, which has the copies
    replaced, is killed in the middle of that.
    """
    copied = Copied(sim)
    await copied.begin()
    for _ in range(LOSSES):
        await sim.eventually(lambda: copied.is_one() and copied.is_complete, within=RECOVERY)
        oldest, *others = sorted(copied.names, key=copied.up_number)
        sim.host(sim.random.choice(others)).restart(wipe=True)
        await sim.eventually(lambda: not copied.is_one(), within=RECOVERY)
        async with asyncio.timeout(RECOVERY):
            while not starts_elsewhere(copied, oldest):  # noqa: ASYNC110 - it takes milliseconds
                await asyncio.sleep(0.001)
        sim.host(oldest).restart()
    await copied.every_account_replies()
    return len(copied.acknowledged)


def starts_elsewhere(copied: Copied, name: str) -> bool:
    """Whether a node other than that one has been granted a shard that it does not run yet."""
    pairs = [machines(system) for other, system in copied.systems.items() if other != name]
    return any(hosted.phase is HostPhase.starting for pair in pairs if pair for hosted in pair.region.owner.hosted)


@pytest.mark.parametrize(("size", "replicas", "min_acks"), [(3, 2, 1), (5, 2, 1), (5, 3, 2)])
def test_what_copies_have_acknowledged_survives_any_one_disk(size: int, replicas: int, min_acks: int) -> None:
    runs = [run.result for run in simulate_seeds(lambda sim: survive(sim, size, replicas, min_acks), SEEDS)]
    acknowledged, reads, snapshots, generations = map(sum, zip(*runs, strict=True))
    assert acknowledged > 100 * len(runs)
    assert reads > 20 * len(runs)
    assert snapshots > 10 * len(runs)
    assert generations > 5 * len(runs)


def test_shards_whose_nodes_are_the_last_to_start_again_are_not_founded_anew() -> None:
    assert all(run.result > 40 for run in simulate_seeds(start_anew, SEEDS))


def test_copies_are_replaced_where_the_coordinator_is_lost_meanwhile() -> None:
    assert all(run.result > 20 for run in simulate_seeds(lose_disks_and_coordinators, SEEDS))
