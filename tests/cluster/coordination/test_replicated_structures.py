"""Distributed structures in copies on several nodes: no journal that all share, and no node that must not die."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from casty import CastyConfig, InMemoryJournal, ReplicationConfig, SnapshotEvery
from casty.config.actors import DefaultsConfig, ReplicationOverrides
from casty.coordination import entity
from casty.distributed import Distributed
from casty.errors import ArgumentError
from casty.extension import shard_of
from casty_cluster import DevelopmentCluster
from casty_cluster.replication.feature import Copies
from casty_cluster.sharding.feature import Sharding

from tests.core.objects.cart import Add, Cart, GetItems

FAST = {"failover": "fast"}
COPIES = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=1.0)
REGION = "casty-distributed-persistent"
PATIENCE = 30.0
"""Seconds that an operation may take while a node is being replaced."""


def host_of(cluster: DevelopmentCluster, entity_id: str) -> int:
    """The index of the node that runs an entity."""
    [index] = [
        index
        for index, node in enumerate(cluster)
        if node.features.find(Sharding).regions[REGION].holding(shard_of(entity_id, 100)) is not None
    ]
    return index


async def fill(d: Distributed) -> dict[str, Any]:
    """Use every kind of structure; what each grant was."""
    await d.counter("c").increment(7)
    await d.register[str]("r").set("value")
    await d.map[str, int]("m").put("k", 5)
    await d.set[str]("s").add("member")
    await d.queue[str]("q").enqueue("first")
    await d.queue[str]("q").enqueue("second")
    await d.queue[str]("q").dequeue()
    grants = {
        "lock": await d.lock("l", timeout=PATIENCE).acquire(),
        "semaphore": await d.semaphore("p", 2, timeout=PATIENCE).acquire(),
        "election": await d.election("e", candidate="me", timeout=PATIENCE).campaign(),
    }
    assert await d.barrier("b", "me").arrive(1) == 1
    return grants


async def check(d: Distributed, grants: dict[str, Any]) -> None:
    """All of it is there, and what is held is granted to no other."""
    assert await d.counter("c", timeout=PATIENCE).get() == 7
    assert await d.register[str]("r", timeout=PATIENCE).get() == "value"
    assert await d.map[str, int]("m", timeout=PATIENCE).get("k") == 5
    assert await d.set[str]("s", timeout=PATIENCE).contains("member")
    assert await d.queue[str]("q", timeout=PATIENCE).peek() == "second"
    assert await d.lock("l", timeout=PATIENCE).try_acquire() is False
    assert (await d.semaphore("p", 2, timeout=PATIENCE).acquire()).token == grants["semaphore"].token + 1
    assert await d.election("e", timeout=PATIENCE).leader() == "me"
    assert await grants["lock"].release() is True
    assert (await d.lock("l", timeout=PATIENCE).acquire()).token == grants["lock"].token + 1
    assert await d.barrier("b", "me", timeout=PATIENCE).arrive(1) == 2


@pytest.mark.parametrize("killed", [0, 1, 2])
async def test_every_structure_outlives_the_death_of_any_node(killed: int) -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = [node.distributed(replication=COPIES) for node in cluster]
        grants = await fill(facades[(killed + 1) % 3])
        await cluster.kill(killed)
        await check(facades[(killed + 2) % 3], grants)


async def test_a_lock_is_held_on_when_its_host_dies_and_the_next_token_is_higher() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = [node.distributed(replication=COPIES) for node in cluster]
        for d in facades:
            async with d.lock("l"):
                pass
        host = host_of(cluster, "lock:l")
        holder, other = (d for index, d in enumerate(facades) if index != host)
        grant = await holder.lock("l", ttl=60.0).acquire()
        assert grant.token == 4
        await cluster.kill(host)
        assert await other.lock("l", timeout=PATIENCE).try_acquire() is False
        assert grant.is_held
        assert await grant.release() is True
        assert (await other.lock("l", timeout=PATIENCE).acquire()).token == 5


async def test_nodes_with_a_file_each_start_again_with_all_structures(tmp_path: Path) -> None:
    def opened(cluster: DevelopmentCluster) -> list[Distributed]:
        return [
            node.distributed(f"sqlite:///{tmp_path}/{node.self_node.node_id}.db", replication=COPIES)
            for node in cluster
        ]

    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = opened(cluster)
        await facades[0].counter("c").increment(3)
        async with facades[1].lock("l") as grant:
            token = grant.token
        for index in (2, 1, 0):  # at once: where one leaves after the other, fewer and fewer keep the copies
            await cluster.kill(index)
    assert lose(tmp_path / "node-2.db") == 3
    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = opened(cluster)
        assert [await d.counter("c", timeout=PATIENCE).get() for d in facades] == [3, 3, 3]
        assert (await facades[2].lock("l", timeout=PATIENCE).acquire()).token > token


def lose(path: Path) -> int:
    """Delete the file of a journal; how many of them there were."""
    there = len([*path.parent.glob("*.db")])
    path.unlink()
    return there


async def test_long_histories_become_snapshots_and_what_is_destroyed_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity, "SNAPSHOTS", SnapshotEvery(5, keep=1))
    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = [node.distributed(replication=COPIES) for node in cluster]
        for _ in range(12):
            await facades[0].counter("c").increment()
            await facades[1].queue[str]("q").enqueue("item")
        await facades[2].queue[str]("q").destroy()
        assert await facades[2].queue[str]("q").size() == 0
        host = host_of(cluster, "counter:c")
        await cluster.kill(host)
        left = facades[(host + 1) % 3]
        assert await left.counter("c", timeout=PATIENCE).increment() == 13
        assert await left.queue[str]("q", timeout=PATIENCE).dequeue() is None


async def test_a_client_uses_every_structure_and_another_client_finds_it() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster, cluster.client() as client, cluster.client() as other:
        for node in cluster:
            node.distributed(replication=COPIES)
        grants = await fill(client.distributed(persistent=True))
        await check(other.distributed(persistent=True), grants)


async def test_a_client_and_nodes_use_the_same_structures() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster, cluster.client() as client:
        facades = [node.distributed(replication=COPIES) for node in cluster]
        await facades[0].counter("c").increment()
        assert await client.distributed(persistent=True).counter("c").increment() == 2
        async with client.distributed(persistent=True).lock("l"):
            assert await facades[1].lock("l").try_acquire() is False


async def test_a_node_that_is_set_up_otherwise_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(2, **FAST) as (first, second):
        one = first.distributed(replication=ReplicationConfig(replicas=1, min_acks=1))
        two = second.distributed(replication=ReplicationConfig(replicas=1, min_acks=0))
        await one.counter("c").increment()
        assert await two.counter("c").get() == 1
        while "has spawned the region with replicas=1, min_acks=" not in caplog.text:  # noqa: ASYNC110 - the coordinator's
            await asyncio.sleep(0.01)
        with pytest.raises(ArgumentError, match="give the same to every call"):
            second.distributed(replication=COPIES)


async def test_a_host_that_is_cut_off_shows_nothing_old() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        facades = [node.distributed(replication=COPIES) for node in cluster]
        await facades[0].counter("c").increment()
        cut_off = host_of(cluster, "counter:c")
        others = [index for index in range(3) if index != cut_off]
        cluster.partition([cut_off], others)
        looking = asyncio.create_task(facades[cut_off].counter("c", timeout=60.0).get())
        assert await facades[others[0]].counter("c", timeout=PATIENCE).increment() == 2
        cluster.heal()
        assert await looking == 2


def configured() -> CastyConfig:
    return CastyConfig(defaults=DefaultsConfig(replication=ReplicationOverrides(replicas=1, min_acks=1)))


async def test_a_replication_that_is_configured_for_all_regions_is_no_obstacle() -> None:
    """Regions whose entities keep no events, and those of Casty whose ids are not just any text."""
    async with DevelopmentCluster(2, config=configured(), **FAST) as (first, second):
        await first.distributed().counter("c").increment()
        assert await second.distributed().counter("c").get() == 1
        cart = await first.actor(Cart, name="cart", scope="cluster")
        await cart.send(Add("a"))
        assert await (await second.actor(Cart, name="cart", scope="cluster")).ask(GetItems()) == {"a": 1.0}
        assert first.features.find(Copies).of("casty-distributed") is None


async def test_it_counts_for_structures_with_a_journal_of_each_node() -> None:
    async with DevelopmentCluster(3, config=configured(), **FAST) as cluster:
        facades = [node.distributed(InMemoryJournal()) for node in cluster]
        await facades[0].counter("c").increment()
        host = host_of(cluster, "counter:c")
        await cluster.kill(host)
        assert await facades[(host + 1) % 3].counter("c", timeout=PATIENCE).get() == 1
