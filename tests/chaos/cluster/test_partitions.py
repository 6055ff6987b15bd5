"""A network that is divided and comes together again."""

import asyncio
from itertools import product
from pathlib import Path

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.network import Way
from tests.chaos.cluster.process import NodeProcess

NOTICED = 10.0
"""Seconds; with the default settings phi says after 4 to 5 that a member is silent."""
SILENT = 6.0
"""Seconds, longer than a connection bears to be silent, shorter than it takes to give a member up."""
RECONNECTED = 5.0
LONG = 18.0


async def test_a_node_that_was_downed_alive_rejoins_as_a_new_member_and_there_is_one_cluster_again(
    tmp_path: Path,
) -> None:
    """B6, W6. The lonely one has the singleton and is the leader."""
    async with Cluster.of(3, tmp_path) as cluster:
        lonely, others = cluster["n1"], [cluster["n2"], cluster["n3"]]
        before = lonely.uid
        await cluster.network.divide(["n1"], ["n2", "n3"])
        await cluster.until(lambda: bool(lonely.all("NodeDowned")), 20.0)
        await cluster.until(lambda: all(node.all("MemberLeft", uid=before) for node in others), 20.0)
        await cluster.until(lambda: any(node.has_singleton for node in others), 10.0)
        await cluster.until(lambda: not lonely.has_singleton, 10.0)
        await cluster.network.heal()
        await cluster.is_one()
        assert lonely.uid not in (0, before)
        await cluster.until(lambda: bool(lonely.all("NodeRejoined", uid=lonely.uid)), 5.0)
        assert lonely.all("ActorRestarted", path="/echo")
        assert await cluster.singleton() != "n1"
        assert [await node.do("ask", path="/echo", node="n1") for node in others] == ["n1"] * 2
        assert not [node.name for node in others if node.all("NodeDowned")], "the larger side goes on"
        cluster.check_histories()


@pytest.mark.skipif(ROUNDS == 1, reason="takes minutes; CASTY_CHAOS_ROUNDS=2 or more runs it")
@pytest.mark.timeout(300 * ROUNDS)
@pytest.mark.parametrize("sides", [(1, 2), (2, 3), (2, 2)], ids=str)
async def test_a_partition_of_18_seconds_heals_to_one_cluster(tmp_path: Path, sides: tuple[int, int]) -> None:
    """B6."""
    async with Cluster.of(sum(sides), tmp_path) as cluster:
        names = list(cluster.nodes)
        for number in range(ROUNDS):
            # Each time others are on the smaller side, or the lesser one of two equal ones.
            turned = names[number % len(names) :] + names[: number % len(names)]
            await cluster.network.divide(turned[: sides[0]], turned[sides[0] :])
            await asyncio.sleep(LONG)
            await cluster.network.heal()
            await cluster.is_one(60.0)
            await cluster.singleton()
        cluster.check_histories()


async def test_a_silent_connection_is_noticed_and_made_anew_when_the_network_heals(tmp_path: Path) -> None:
    """O3. Nothing goes between two of three, and no connection is ever reset; the third one still reaches both."""
    async with Cluster.of(3, tmp_path) as cluster:
        one, two = cluster["n1"], cluster["n2"]
        await cluster.network.stop(Way("n1", "n2"), Way("n2", "n1"))
        noticed = cluster.until(lambda: notice(one, two) and notice(two, one), NOTICED)
        await asyncio.gather(noticed, asyncio.sleep(SILENT))
        await cluster.network.heal()
        await cluster.until(lambda: regains(one, two) and regains(two, one), RECONNECTED)
        assert await one.do("ask", path="/echo", node="n2") == "n2"
        assert await two.do("ask", path="/echo", node="n1") == "n1"
        assert not [node.name for node in cluster.running.values() if node.all("MemberLeft") or node.all("NodeDowned")]
        cluster.check_histories()


@pytest.mark.skipif(ROUNDS == 1, reason="takes a minute; CASTY_CHAOS_ROUNDS=2 or more runs it")
@pytest.mark.timeout(300 * ROUNDS)
async def test_slow_and_broken_connections_and_one_way_cuts_end_in_one_cluster(tmp_path: Path) -> None:
    async with Cluster.of(3, tmp_path) as cluster:
        ways = [Way(*pair) for pair in product(cluster.nodes, repeat=2) if len(set(pair)) == 2]
        for way in ways:
            cluster.network.delay(way, 0.05)
        for number in range(ROUNDS):
            way = ways[number % len(ways)]
            for _ in range(20):
                cluster.network.cut(way)
                await asyncio.sleep(0.1)
            await cluster.network.stop(way)
            await asyncio.sleep(LONG)
            await cluster.network.heal()
            await cluster.is_one(60.0)
        cluster.check_histories()


def notice(observer: NodeProcess, other: NodeProcess) -> bool:
    return bool(observer.all("UnreachableMember", uid=other.uid))


def regains(observer: NodeProcess, other: NodeProcess) -> bool:
    return len(observer.all("ReachableMember", uid=other.uid)) == len(observer.all("UnreachableMember", uid=other.uid))
