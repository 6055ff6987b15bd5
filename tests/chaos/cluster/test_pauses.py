"""Nodes that stand still for a while, as in a debugger, on a machine that swaps, or while a snapshot of it is taken."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.process import NodeProcess

PAUSES = 1 if ROUNDS == 1 else 20
PAUSE = 3.0
AFTERWARDS = 2.0
"""Seconds in which a suspicion from the time of the pause would be reported."""


@pytest.mark.timeout(300 + PAUSES * 20)
async def test_a_pause_of_three_seconds_costs_no_member_its_place(tmp_path: Path) -> None:
    """B5, T2."""
    async with Cluster.of(3, tmp_path) as cluster:
        nodes = list(cluster.running.values())
        before = [node.uid for node in nodes]
        for number in range(PAUSES):
            paused = cluster[f"n{number % 3 + 1}"]
            paused.signal(signal.SIGSTOP)
            await asyncio.sleep(PAUSE)
            paused.signal(signal.SIGCONT)
            await asyncio.sleep(AFTERWARDS)
            assert await paused.do("ask", path="/single") == "n1"
        assert [node.uid for node in nodes] == before
        assert not [node.name for node in nodes if node.all("NodeDowned") or node.all("MemberLeft")]
        assert not [node.name for node in nodes if node.all("UnreachableMember")], "no node is even suspected"
        assert not [node.name for node in nodes if led_alone(node)]
        cluster.check_histories()


def led_alone(node: NodeProcess) -> bool:
    """Whether it has ever seen itself as the only one, once it had seen the others."""
    sizes = [sum(status == "up" for *_, status in view.details["members"]) for view in node.all("view")]
    return min(sizes[sizes.index(3) :]) < 3
