"""How soon a singleton answers again after its node was killed, and that a pause costs no node its place.

python -m tests.chaos.cluster.failover --kills 50 --pauses 20 --failover fast
"""

import argparse
import asyncio
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Final

from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.direct import DirectNetwork
from tests.chaos.cluster.network import Way

WITHIN: Final = {"default": 8.0, "fast": 3.0}
"""Seconds from the kill to the first answer."""
PAUSE: Final = 3.0
AFTERWARDS: Final = 5.0
"""Seconds in which a node would be downed for a pause."""
IN_TIME: Final = 0.25
"""Seconds that each ask waits."""
PATIENCE: Final = 30.0


async def kills(number: int, folder: Path, failover: str) -> list[float]:
    """Seconds from each kill of the oldest node to the first answer that another one gets."""
    async with Cluster.of(3, folder, network=DirectNetwork, failover=failover) as cluster:
        return [await _kill(cluster) for _ in range(number)]


async def _kill(cluster: Cluster) -> float:
    victim = await cluster.singleton()
    [asker, _] = sorted(cluster.running.keys() - {victim})
    node = cluster[asker]
    await node.do("keep_asking", path="/single", pause=0.02, timeout=IN_TIME)
    await asyncio.sleep(1.0)
    await node.do("how_asks_went")
    killed = time.monotonic()
    cluster[victim].signal(signal.SIGKILL)
    await cluster[victim].ended()
    took = await _first_success(cluster, asker, killed)
    await node.do("stop_asking")
    await cluster.until(lambda: len(node.view["members"]) == 2, PATIENCE)
    await cluster.start(victim)
    await cluster.is_one()
    return took


async def _first_success(cluster: Cluster, asker: str, killed: float) -> float:
    async with asyncio.timeout(PATIENCE):
        while True:
            for begun, took, failure in await cluster[asker].do("how_asks_went"):
                if begun > killed and not failure:
                    return begun + took - killed
            await asyncio.sleep(0.1)


async def pauses(number: int, folder: Path, failover: str) -> list[str]:
    """What has gone wrong where a node, and then its network, stands still, in turn."""
    wrong: list[str] = []
    async with Cluster.of(3, folder, failover=failover) as cluster:
        names = sorted(cluster.running)
        before = {name: cluster[name].uid for name in names}
        for turn in range(number):
            name = names[turn % len(names)]
            cluster[name].signal(signal.SIGSTOP)
            await asyncio.sleep(PAUSE)
            cluster[name].signal(signal.SIGCONT)
            await asyncio.sleep(AFTERWARDS)
            await cluster.network.stop(*(Way(*way) for way in permutations(names, 2) if name in way))
            await asyncio.sleep(PAUSE)
            await cluster.network.heal()
            await asyncio.sleep(AFTERWARDS)
            if {one: cluster[one].uid for one in cluster.running} != before:
                wrong.append(f"{name} has lost its place in turn {turn}")
                break
        wrong += [f"{node.name} was downed" for node in cluster.processes if node.all("NodeDowned")]
        suspected = sum(len(node.all("UnreachableMember")) for node in cluster.processes)
        print(f"{number} pauses of a node and of its network: {suspected} suspicions", flush=True)
    return wrong


def report(times: Sequence[float], within: float) -> str:
    """The distribution, and how many were too late."""
    nearly_all = sorted(times)[max(0, round(len(times) * 0.9) - 1)]
    late = sum(took > within for took in times)
    return (
        f"{len(times)} kills, first answer after: min {min(times):.2f} s, median {statistics.median(times):.2f} s, "
        f"p90 {nearly_all:.2f} s, max {max(times):.2f} s; {late} later than {within:g} s"
    )


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pauses", type=int, default=20)
    parser.add_argument("--failover", choices=list(WITHIN), default="default")
    given = parser.parse_args()
    within, wrong = WITHIN[given.failover], list[str]()
    with tempfile.TemporaryDirectory() as folder:
        if given.kills:
            times = await kills(given.kills, Path(folder), given.failover)
            print(given.failover, report(times, within), flush=True)
            wrong += [f"an answer after {took:.2f} s" for took in times if took > within]
        if given.pauses:
            wrong += await pauses(given.pauses, Path(folder), given.failover)
    print("\n".join(wrong) or "all is well")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
