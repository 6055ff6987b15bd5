"""A node joins and leaves under load: whether an ask fails, and how long entities of a shard on the move do not reply.

python -m tests.chaos.sharding.moves --rate 2000
"""

import argparse
import asyncio
import signal
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.chaos.cluster.cluster import Cluster
from tests.chaos.sharding.kills import PATIENCE, ledger, percentile
from tests.chaos.sharding.ledger import SHARDS
from tests.journal_postgres.server import own_server

ACCOUNTS: Final = [str(number) for number in range(500)]
PAUSE: Final = 0.5
"""Seconds that the hand-off of a shard may take, of all but one in a hundred."""
SHARE: Final = SHARDS // 4 - 2
"""Shards that a fourth node gets at least: they are balanced, not equal."""
TIMEOUT: Final = 10.0
USUAL: Final = 5.0
"""Seconds of load before the move, for comparison."""
LOADED: Final = ("n1", "n2")
"""The nodes that ask; both stay."""


class Went(NamedTuple):
    """How the asks of a time went."""

    asked: int
    slowest: dict[int, float]
    failed: list[str]


async def under_load(cluster: Cluster, rate: float) -> None:
    """From now on, the nodes that stay make so many asks per second."""
    for name in LOADED:
        await cluster[name].do("load", account_ids=ACCOUNTS, rate=rate / len(LOADED), timeout=TIMEOUT)
    await asyncio.sleep(1.0)  # the entities start
    await how_load_went(cluster)


async def how_load_went(cluster: Cluster) -> Went:
    asked, slowest, failed = 0, dict[int, float](), list[str]()
    for name in LOADED:
        went = await cluster[name].do("how_load_went")
        asked += went["asked"]
        failed += went["failed"]
        for shard, seconds in went["slowest"]:
            slowest[shard] = max(slowest.get(shard, 0.0), seconds)
    return Went(asked, slowest, failed)


async def move(
    cluster: Cluster, what: str, moved: Callable[[], Coroutine[Any, Any, set[int]]]
) -> tuple[list[float], list[str]]:
    """The longest waits for each shard that moved, and the failures; `moved` makes the move, and returns the shards."""
    await how_load_went(cluster)
    await asyncio.sleep(USUAL)
    usual = await how_load_went(cluster)
    shards = await moved()
    went = await how_load_went(cluster)
    pauses = sorted(went.slowest.get(shard, 0.0) for shard in shards)
    print(
        f"{what}: {len(shards)} of {SHARDS} shards moved during {went.asked} asks, {len(went.failed)} of which failed; "
        f"slowest ask of each of them: median {percentile(pauses, 0.5) * 1000:.0f} ms, p99 "
        f"{percentile(pauses, 0.99) * 1000:.0f} ms; slowest ask of all shards in {USUAL:g} s before: "
        f"{max(usual.slowest.values()) * 1000:.0f} ms, {usual.asked / USUAL:.0f} asks/s",
        flush=True,
    )
    return pauses, [*usual.failed, *went.failed]


async def join(cluster: Cluster, name: str, share: int) -> set[int]:
    """Start a node, and wait until it has so many shards."""
    node = await cluster.start(name)
    shards: set[int] = set()
    async with asyncio.timeout(PATIENCE):
        while len(shards) < share:
            await asyncio.sleep(0.5)
            shards = set(await node.do("shards"))
    return shards


async def leave(cluster: Cluster, name: str) -> set[int]:
    """Terminate a node, as a service manager does, and wait until it has ended."""
    shards = set(await cluster[name].do("shards"))
    cluster[name].signal(signal.SIGTERM)
    await asyncio.wait_for(cluster[name].ended(), PATIENCE)
    await asyncio.sleep(1.0)
    return shards


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=2_000.0)
    given = parser.parse_args()
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        async with ledger(server.new_database(), Path(folder), spare=1) as cluster:
            await under_load(cluster, given.rate)
            joined, failed = await move(cluster, "a join", lambda: join(cluster, "n4", SHARE))
            left, failed_too = await move(cluster, "a leave", lambda: leave(cluster, "n4"))
    slow = [pause for pause in (percentile(joined, 0.99), percentile(left, 0.99)) if pause > PAUSE]
    print("\n".join([*failed, *failed_too][:20]))
    return 1 if failed or failed_too or slow else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
