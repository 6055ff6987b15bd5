"""Nodes that are killed, and started again at the same address."""

import signal
import time
from pathlib import Path

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.cluster.cluster import Cluster

NOTICED = 10.0
"""Seconds within which all members know that a node is unreachable."""
REMOVED = 15.0


@pytest.mark.timeout(300 * ROUNDS)
async def test_a_killed_node_is_noticed_and_removed_by_all_and_never_comes_back(tmp_path: Path) -> None:
    """B4, B15, W5. What comes back at its address is another member."""
    async with Cluster.of(3, tmp_path) as cluster:
        for victim in ["n3", "n1", "n2"][:ROUNDS]:
            await kill_and_start_again(cluster, victim)
        # A node that is restarted before any member has missed its predecessor takes its place.
        before = cluster["n2"].uid
        await cluster["n2"].kill()
        await cluster.start("n2")
        await cluster.is_one()
        assert cluster["n2"].uid != before
        for name in ("n1", "n3"):
            assert len(cluster[name].all("MemberLeft", uid=before)) == 1
        cluster.check_histories()


async def kill_and_start_again(cluster: Cluster, victim: str) -> None:
    killed, uid = cluster[victim], cluster[victim].uid
    begun = time.monotonic()
    killed.signal(signal.SIGKILL)
    await killed.ended()
    others = [node for name, node in cluster.running.items() if name != victim]
    await cluster.until(lambda: all(node.all("UnreachableMember", uid=uid) for node in others), NOTICED)
    await cluster.until(lambda: all(node.all("MemberLeft", uid=uid) for node in others), REMOVED)
    await cluster.until(lambda: any(node.has_singleton for node in others), REMOVED)
    assert await cluster.singleton() != victim
    successor = await cluster.start(victim)
    await cluster.is_one()
    assert successor.uid not in (0, uid)
    for node in others:
        told = [said.what for said in node.said if said.details.get("uid") == uid]
        assert told[-2:] == ["UnreachableMember", "MemberLeft"], "and nothing after it"
    noticed, removed = (
        max(node.all(what, uid=uid)[0].at for node in others) - begun for what in ("UnreachableMember", "MemberLeft")
    )
    print(f"{victim} was killed; noticed by all after {noticed:.1f} s, removed by all after {removed:.1f} s")
