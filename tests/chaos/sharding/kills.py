"""Accounts on one PostgreSQL while nodes are killed: whether all is booked once, and how soon entities reply again.

python -m tests.chaos.sharding.kills FILE --times 10 --kills 10 --every 5
python -m tests.chaos.sharding.kills FILE --failover fast --takeovers 20
"""

import argparse
import asyncio
import csv
import math
import statistics
import tempfile
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

from casty.extension import shard_of

from tests.chaos.bank import SEED
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.process import NodeProcess
from tests.chaos.sharding.ledger import SHARDS, rows_of
from tests.examples.programs import balances_of
from tests.journal_postgres.server import own_server

PROGRAM: Final = "tests.chaos.sharding.node"
WITHIN: Final = {"default": 8.0, "fast": 3.0}
"""Seconds from a kill to the first reply of an entity of the killed node."""
CHUNK: Final = 100
"""Rows of one command."""
DOWN: Final = (0.0, 3.0)
"""Seconds until a killed node is started again."""
ACCOUNTS: Final = 100
"""Entities that run while nodes are killed to measure takeovers."""
PROBES: Final = 10
"""Entities of the killed node that are asked."""
IN_TIME: Final = 0.25
PATIENCE: Final = 60.0


@asynccontextmanager
async def ledger(journal: str, folder: Path, failover: str = "default", *, spare: int = 0) -> AsyncGenerator[Cluster]:
    """Three nodes with accounts on that journal."""
    async with Cluster.of(
        3, folder, network=DirectNetwork, program=PROGRAM, spare=spare, journal=journal, failover=failover
    ) as cluster:
        yield cluster


class Booking:
    """The rows of a file, in chunks that any node may book."""

    def __init__(self, file: Path) -> None:
        self.repeated = 0
        """How often a row was sent again."""
        self._file = str(file)
        rows = len(rows_of(file))
        self._chunks = deque((first, min(first + CHUNK, rows)) for first in range(0, rows, CHUNK))
        self._under_way = self._booked = 0
        self._changed = asyncio.Condition()

    @property
    def is_done(self) -> bool:
        return not self._chunks and not self._under_way

    async def run_on(self, node: NodeProcess) -> None:
        """Have the node book chunks until all is booked, or the node is killed."""
        while not node.has_died:
            async with self._changed:
                await self._changed.wait_for(lambda: self._chunks or self.is_done)
            if self.is_done:
                return
            await self._book(node, *self._chunks.popleft())

    async def _book(self, node: NodeProcess, first: int, last: int) -> None:
        self._under_way += 1
        try:
            self.repeated += await node.do("book", file=self._file, first=first, last=last)
            self._booked += 1
        except asyncio.CancelledError:
            if not node.has_died:
                raise
            self._chunks.appendleft((first, last))
        finally:
            self._under_way -= 1
            async with self._changed:
                self._changed.notify_all()

    async def goes_on(self) -> bool:
        """Wait for more to be booked; return whether there is still something left."""
        before = self._booked
        async with self._changed:
            await self._changed.wait_for(lambda: self._booked > before or self.is_done)
        return not self.is_done


async def kill_while_booking(cluster: Cluster, file: Path, *, kills: int, every: float, random: Random) -> int:
    """Kill a node now and then, and start it again, while the others book. Returns how many kills fell into that."""
    booking, within = Booking(file), 0
    async with asyncio.TaskGroup() as group:
        for node in cluster.running.values():
            group.create_task(booking.run_on(node))
        for _ in range(kills):
            await asyncio.sleep(every)
            within += await booking.goes_on()
            name = random.choice(sorted(cluster.running))
            await cluster[name].kill()
            await asyncio.sleep(random.uniform(*DOWN))
            group.create_task(booking.run_on(await cluster.start(name)))
    await cluster.is_one(within=PATIENCE)
    print(f"{within} of {kills} kills while booking; {booking.repeated} asks were repeated", flush=True)
    return within


def are_enough(within: int, kills: int) -> bool:
    """Whether so many kills while booking show anything: all may have been booked before the others."""
    if within >= kills // 2:
        return True
    print(f"only {within} of {kills} kills fell into the booking: it was over too soon; use more --times", flush=True)
    return False


def repeated(file: Path, times: int, folder: Path) -> Path:
    """A file with all rows so many times, each time for other accounts: what one file has is booked in seconds."""
    longer = folder / f"{file.stem}-{times}.csv"
    with file.open(newline="") as rows, longer.open("w", newline="") as copies:
        header, *rest = csv.reader(rows)
        account, writer = header.index("account_id"), csv.writer(copies)
        writer.writerow(header)
        for number in range(times):
            writer.writerows([*row[:account], f"{row[account]}-{number}", *row[account + 1 :]] for row in rest)
    return longer


async def check_balances(cluster: Cluster, file: Path) -> int:
    """Each node sees all balances as the file has them; returns the number of accounts."""
    expected = balances_of(file)
    for node in cluster.running.values():
        seen = await node.do("balances", account_ids=list(expected))
        wrong = {
            account_id: (seen[account_id], right) for account_id, right in expected.items() if seen[account_id] != right
        }
        assert not wrong, f"{node.name} sees these balances, and the file has those: {wrong}"
    return len(expected)


async def takeovers(cluster: Cluster, account_ids: Sequence[str], number: int, random: Random) -> list[float]:
    """Seconds from each kill of a node to the first reply of each entity that it ran."""
    await next(iter(cluster.running.values())).do("balances", account_ids=account_ids)  # shards spread over the nodes
    return [took for _ in range(number) for took in await _take_over(cluster, account_ids, random)]


async def _chosen(
    cluster: Cluster, account_ids: Sequence[str], random: Random
) -> tuple[NodeProcess, NodeProcess, list[str]]:
    """A node to kill, another one that asks, and some of the entities that the former runs."""
    shards = {name: set(await node.do("shards")) for name, node in cluster.running.items()}
    victim = random.choice(sorted(name for name, owned in shards.items() if owned))
    owned = shards[victim]
    probed = [account_id for account_id in account_ids if shard_of(account_id, SHARDS) in owned][:PROBES]
    assert probed, f"{victim} runs none of these entities"
    return cluster[victim], cluster[random.choice(sorted(cluster.running.keys() - {victim}))], probed


async def _take_over(cluster: Cluster, account_ids: Sequence[str], random: Random) -> list[float]:
    victim, asker, probed = await _chosen(cluster, account_ids, random)
    await asker.do("probe", account_ids=probed, pause=0.02, timeout=IN_TIME)
    await asyncio.sleep(1.0)
    killed = time.monotonic()
    await victim.kill()
    first: dict[str, float] = {}
    async with asyncio.timeout(PATIENCE):
        while len(first) < len(probed):
            for account_id, begun, took, failure in await asker.do("how_probes_went"):
                if begun > killed and not failure:
                    first.setdefault(account_id, begun + took - killed)
            await asyncio.sleep(0.1)
    await asker.do("stop_asking")
    await cluster.start(victim.name)
    await cluster.is_one(within=PATIENCE)
    return list(first.values())


async def restart_at_once(cluster: Cluster, account_ids: Sequence[str], random: Random) -> list[str]:
    """Kill a node, and start it again at its address before it is removed. Returns why asks for its entities failed
    that were made after it had died.
    """
    await next(iter(cluster.running.values())).do("balances", account_ids=account_ids)  # shards spread over the nodes
    victim, asker, probed = await _chosen(cluster, account_ids, random)
    await asker.do("balances", account_ids=probed)  # it knows where they are
    await victim.kill()
    await asker.do("probe", account_ids=probed, pause=0.02, timeout=PATIENCE)
    await cluster.start(victim.name)
    failures, silent = list[str](), set(probed)
    async with asyncio.timeout(PATIENCE):
        while silent:
            for account_id, _, _, failure in await asker.do("how_probes_went"):
                silent.discard(account_id)
                failures += [failure] if failure else []
            await asyncio.sleep(0.1)
    await asker.do("stop_asking")
    await cluster.is_one(within=PATIENCE)
    return failures


async def are_in_time(cluster: Cluster, file: Path, number: int, failover: str, random: Random) -> bool:
    """Kill so many nodes, and print how soon their entities reply again. Returns whether all do within the limit."""
    times = await takeovers(cluster, list(balances_of(file))[:ACCOUNTS], number, random)
    print(failover, report(times, WITHIN[failover]), flush=True)
    return max(times) <= WITHIN[failover]


def report(times: Sequence[float], within: float) -> str:
    """The distribution, and how many were too late."""
    ordered = sorted(times)
    late = sum(took > within for took in times)
    return (
        f"{len(times)} entities, first reply after: min {ordered[0]:.2f} s, median {statistics.median(times):.2f} s, "
        f"p99 {percentile(ordered, 0.99):.2f} s, max {ordered[-1]:.2f} s; {late} later than {within:g} s"
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--times", type=int, default=1, help="how often it is booked, each time for other accounts")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--takeovers", type=int, default=0)
    parser.add_argument("--failover", choices=list(WITHIN), default="default")
    given = parser.parse_args()
    print(f"CASTY_CHAOS_SEED={SEED}", flush=True)
    random, counts = Random(SEED), True
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        file = repeated(given.file, given.times, Path(folder))
        async with ledger(server.new_database(), Path(folder), given.failover) as cluster:
            if given.kills:
                within = await kill_while_booking(cluster, file, kills=given.kills, every=given.every, random=random)
                counts = are_enough(within, given.kills)
                print(f"all {await check_balances(cluster, file)} balances are right on each node", flush=True)
            if given.takeovers:
                counts &= await are_in_time(cluster, file, given.takeovers, given.failover, random)
    return 0 if counts else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
