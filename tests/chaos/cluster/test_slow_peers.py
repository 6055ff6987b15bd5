"""A peer that reads nothing harms only itself."""

import asyncio
import signal
import statistics
from pathlib import Path

from tests.chaos.cluster.cluster import Cluster

QUIET = 1.5
ENOUGH = 100
"""Asks that say something of what asks take."""
STILL = 10.0
"""Seconds before and while one node stands still."""
BURDEN = 1 << 16
PAUSE = 0.005
"""Together 13 MB/s from each of the others for the one that stands still: 130 MB, if they were all kept."""
GROWTH = 2 * (16 << 20)
"""Bytes by which a process may grow: twice what may wait for one peer."""
DOWNED = 86


async def test_a_paused_node_delays_no_other_and_ends_when_it_wakes(tmp_path: Path) -> None:
    """B16, O2, O6, and the exit code of a node that is not to come back."""
    async with Cluster.of(3, tmp_path, when_downed="exit") as cluster:
        still, others = cluster["n3"], [cluster["n1"], cluster["n2"]]
        uid = still.uid
        for node, other in zip(others, reversed(others), strict=True):
            await node.do("keep_asking", path="/echo", node=other.name, pause=0.01)
        before: list[tuple[float, float, str]] = []
        while len(before) < ENOUGH:
            await asyncio.sleep(QUIET)
            before += [asks for node in others for asks in await node.do("how_asks_went")]
        memory = [node.most_memory() for node in others]
        still.signal(signal.SIGSTOP)
        for node in others:
            await node.do("burden", node="n3", octets=BURDEN, pause=PAUSE)
        await asyncio.sleep(STILL)
        during = [asks for node in others for asks in await node.do("how_asks_went")]
        growth = [node.most_memory() - size for node, size in zip(others, memory, strict=True)]
        await cluster.until(lambda: all(node.all("MemberLeft", uid=uid) for node in others), 10.0)
        still.signal(signal.SIGCONT)
        assert await asyncio.wait_for(still.ended(), 15.0) == DOWNED
        assert [reason for *_, reason in before + during if reason] == []
        print(f"p99 {p99(before):.4f} s alone, {p99(during):.4f} s beside it; grown by {growth} bytes")
        assert p99(during) < max(10 * p99(before), 0.25)
        assert min(growth) > 2 * BURDEN, "something has waited for it"
        assert max(growth) < GROWTH
        assert not [node.name for node in others if node.all("NodeDowned")]
        cluster.check_histories()


def p99(asks: list[tuple[float, float, str]]) -> float:
    assert len(asks) >= ENOUGH, "with so few asks, nothing is proved"
    return statistics.quantiles([seconds for _, seconds, _ in asks], n=100)[-1]
