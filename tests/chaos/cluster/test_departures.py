"""Nodes that are terminated, as by a service manager."""

import asyncio
import signal
from pathlib import Path

from tests.chaos.cluster.cluster import Cluster

TERMINATED = 128 + signal.SIGTERM
LEFT = 8.0
"""Seconds: less than a node waits for a hand-over that does not come about."""
MOVED = 1.0
"""Seconds that a singleton may take to move from a member that leaves."""


async def test_a_node_that_is_terminated_leaves_in_order_and_no_ask_of_another_node_fails(tmp_path: Path) -> None:
    """The first node is the one with the singleton, which the others ask all the time."""
    async with Cluster.of(3, tmp_path) as cluster:
        leaving, others = cluster["n1"], [cluster["n2"], cluster["n3"]]
        uid = leaving.uid
        for node, other in zip(others, reversed(others), strict=True):
            await node.do("keep_asking", path="/echo", node=other.name, pause=0.002)
            await node.do("keep_asking", path="/single", pause=0.002)
        await asyncio.sleep(1.0)
        leaving.signal(signal.SIGTERM)
        assert await asyncio.wait_for(leaving.ended(), LEFT) == TERMINATED
        await cluster.until(lambda: all(node.all("MemberLeft", uid=uid) for node in others), 10.0)
        await cluster.is_one()
        await asyncio.sleep(1.0)
        asks = [ask for node in others for ask in await node.do("how_asks_went")]
        assert len(asks) > 500
        assert [failure for *_, failure in asks if failure] == []
        heir = await cluster.singleton()
        assert not [node.name for node in others if node.all("UnreachableMember", uid=uid)], "it has said that it goes"
        [ended], [begun] = leaving.all("singleton ends"), cluster[heir].all("singleton begins")
        assert ended.at < begun.at < ended.at + MOVED
        slowest = max(seconds for _, seconds, _ in asks)
        print(f"{len(asks)} asks, the slowest took {slowest:.3f} s; no singleton for {begun.at - ended.at:.3f} s")
        cluster.check_histories()
