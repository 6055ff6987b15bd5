"""Accounts in copies on the disks of three nodes, which are killed, half of them with their disks: is all booked once?

python -m tests.chaos.replication.wipes FILE --runs 10
python -m tests.chaos.replication.wipes FILE --runs 0 --failover fast --takeovers 20
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.chaos.bank import SEED
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.sharding.kills import DOWN, PATIENCE, PROGRAM, WITHIN, Booking, are_in_time, check_balances
from tests.examples.programs import balances_of

COPIES: Final = {"replicas": 2, "min_acks": 1}
EVERY: Final = (3.0, 8.0)
"""Seconds between two kills."""
LOOK: Final = 0.5


@dataclass
class Killed:
    """Nodes that have been killed while transactions were booked."""

    kept: int = 0
    wiped: int = 0


@asynccontextmanager
async def copied_ledger(folder: Path, failover: str = "default") -> AsyncGenerator[Cluster]:
    """Three nodes with a SQLite file each, and copies of all accounts."""
    async with Cluster.of(
        3,
        folder,
        network=DirectNetwork,
        program=PROGRAM,
        journal=f"sqlite:///{folder}/{{node}}.db",
        replication=COPIES,
        failover=failover,
    ) as cluster:
        yield cluster


async def wear_out(
    cluster: Cluster, folder: Path, file: Path, random: Random, every: tuple[float, float] = EVERY
) -> Killed:
    """Book the whole file, and kill a node now and then meanwhile."""
    booking, killed = Booking(file), Killed()
    await next(iter(cluster.running.values())).do("balances", account_ids=list(balances_of(file)))
    await complete(cluster)  # all shards exist from now on: a new one may be short of copies for some seconds
    async with asyncio.TaskGroup() as group:
        for node in cluster.running.values():
            group.create_task(booking.run_on(node))
        while not booking.is_done:
            await asyncio.sleep(random.uniform(*every))
            wipes = random.random() < 0.5
            if wipes:
                await complete(cluster)  # a second disk may be lost only once nothing depends on it
            if not await booking.goes_on():
                break
            name = random.choice(sorted(cluster.running))
            await cluster[name].kill()
            if wipes:
                wipe(folder, name)
            killed.wiped, killed.kept = killed.wiped + wipes, killed.kept + (not wipes)
            await asyncio.sleep(random.uniform(*DOWN))
            group.create_task(booking.run_on(await cluster.start(name)))
    await cluster.is_one(within=PATIENCE)
    return killed


def wipe(folder: Path, node: str) -> None:
    for path in folder.glob(f"{node}.db*"):
        path.unlink()


async def complete(cluster: Cluster) -> None:
    """Wait until each shard that exists has all of its copies."""
    async with asyncio.timeout(PATIENCE):
        while True:
            copies = [copy for node in cluster.running.values() for copy in await node.do("copies")]
            kept = Counter(shard for shard, is_kept in copies if is_kept)
            if copies and all(kept[shard] == 1 + COPIES["replicas"] for shard, _ in copies):
                return
            await asyncio.sleep(LOOK)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--takeovers", type=int, default=0)
    parser.add_argument("--failover", choices=list(WITHIN), default="default")
    given = parser.parse_args()
    print(f"CASTY_CHAOS_SEED={SEED}", flush=True)
    random, in_time = Random(SEED), True
    for run in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            async with copied_ledger(Path(folder), given.failover) as cluster:
                began = time.monotonic()
                killed = await wear_out(cluster, Path(folder), given.file, random)
                took = time.monotonic() - began
                print(f"run {run}: {took:.0f} s, {killed}; ", end="", flush=True)
                print(f"all {await check_balances(cluster, given.file)} balances are right on each node", flush=True)
    if given.takeovers:
        with tempfile.TemporaryDirectory() as folder:
            async with copied_ledger(Path(folder), given.failover) as cluster:
                in_time = await are_in_time(cluster, given.file, given.takeovers, given.failover, random)
    return 0 if in_time else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
