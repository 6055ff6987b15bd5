"""B9 and B10: nodes die that host a structure, hold it, or wait for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from casty import InMemoryJournal, ReplicationConfig
from casty.distributed import Distributed
from casty.extension import shard_of
from casty_cluster import DevelopmentCluster
from casty_cluster.sharding.feature import Sharding

COPIES = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=1.0)
PATIENCE = 30.0
"""Seconds that an operation may take while a node is being replaced."""
TTL = 1.0


@pytest.fixture
async def cluster() -> AsyncIterator[DevelopmentCluster]:
    async with DevelopmentCluster(3, failover="fast") as cluster:
        yield cluster


def host_of(cluster: DevelopmentCluster, region: str, entity_id: str) -> int:
    """The index of the node that runs an entity."""
    [index] = [
        index
        for index, node in enumerate(cluster)
        if node.features.find(Sharding).regions[region].holding(shard_of(entity_id, 100)) is not None
    ]
    return index


async def hosted_by(cluster: DevelopmentCluster, facades: list[Distributed], index: int) -> str:
    """The name of a lock that this node hosts."""
    for number in range(100):
        await facades[0].lock(f"lock-{number}").release()
        async with facades[0].lock(f"lock-{number}"):
            pass
        if host_of(cluster, "casty-distributed-persistent", f"lock:lock-{number}") == index:
            return f"lock-{number}"
    raise AssertionError("no lock of a hundred is there")


@pytest.mark.parametrize("kept", ["in memory", "in copies"])
async def test_b10_parties_whose_barrier_dies_with_its_node_meet_in_one_round(
    kept: str, cluster: DevelopmentCluster
) -> None:
    """Two of three wait when the host is killed."""
    copied = kept == "in copies"
    nodes = list(cluster)
    facades = [node.distributed(replication=COPIES if copied else None) for node in nodes]
    assert await facades[0].barrier("b").present() == ()
    host = host_of(cluster, "casty-distributed-persistent" if copied else "casty-distributed", "barrier:b")

    def arrive(index: int) -> Any:
        return facades[index].barrier("b").arrive(3) if copied else nodes[index].barrier("b", 3)

    survivors = [index for index in range(3) if index != host]
    arriving = [asyncio.create_task(arrive(index)) for index in survivors]
    while len(await facades[survivors[0]].barrier("b").present()) < 2:  # noqa: ASYNC110 - another node knows
        await asyncio.sleep(0.01)
    await cluster.kill(host)
    assert not any(task.done() for task in arriving)
    third = facades[survivors[0]].barrier("b", "third")
    assert await asyncio.gather(*arriving, third.arrive(3)) == [1, 1, 1]


async def test_a_watch_outlives_the_node_of_its_key(cluster: DevelopmentCluster) -> None:
    async with InMemoryJournal() as journal:
        facades = [node.distributed(journal) for node in cluster]
        await facades[0].map("m", shards=1).put("k", 1)
        host = host_of(cluster, "casty-distributed-persistent", "map:0:m")
        watcher, writer = (facades[index] for index in range(3) if index != host)
        watch = watcher.map("m", shards=1, timeout=PATIENCE).watch("k")
        assert await anext(watch) == 1
        following = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        await cluster.kill(host)
        await writer.map("m", shards=1, timeout=PATIENCE).put("k", 2)
        assert await following == 2
        await watch.aclose()


async def waits(d: Distributed, name: str) -> "asyncio.Task[Any]":
    """A caller whose place at the lock is certain when this returns."""
    caller = asyncio.create_task(d.lock(name, ttl=TTL, timeout=PATIENCE).acquire())
    await asyncio.sleep(0)
    assert await d.lock(name, timeout=PATIENCE).try_acquire() is False
    return caller


async def test_a_lock_of_a_node_that_dies_goes_to_the_next_caller_with_the_next_token(
    cluster: DevelopmentCluster,
) -> None:
    async with InMemoryJournal() as journal:
        facades = [node.distributed(journal) for node in cluster]
        name = await hosted_by(cluster, facades, 0)
        held = await facades[1].lock(name, ttl=TTL).acquire()
        caller = await waits(facades[2], name)
        await cluster.kill(1)
        held.end("its process has died")  # this one lives on, and with it the task that renews
        grant = await caller
        assert grant.token == held.token + 1
        assert grant.is_held
        assert await grant.release() is True


async def test_a_node_that_dies_while_it_waits_for_a_lock_is_skipped(cluster: DevelopmentCluster) -> None:
    async with InMemoryJournal() as journal:
        facades = [node.distributed(journal) for node in cluster]
        name = await hosted_by(cluster, facades, 0)
        held = await facades[0].lock(name, ttl=TTL).acquire()
        dies = await waits(facades[1], name)
        caller = await waits(facades[2], name)
        await cluster.kill(1)
        assert await held.release() is True
        grant = await caller
        assert grant.token in (held.token + 1, held.token + 2), "the dead node may have had the grant between them"
        assert await grant.release() is True
        dies.cancel()
        await asyncio.wait([dies])


async def test_b09_a_caller_on_another_node_that_is_cancelled_never_holds(cluster: DevelopmentCluster) -> None:
    async with InMemoryJournal() as journal:
        facades = [node.distributed(journal) for node in cluster]
        name = await hosted_by(cluster, facades, 0)
        held = await facades[0].lock(name, ttl=60.0).acquire()
        cancelled = [await waits(facades[index], name) for index in (1, 2, 1, 2)]
        caller = await waits(facades[1], name)
        for task in cancelled:
            task.cancel()
        await asyncio.wait(cancelled)
        assert await facades[2].lock(name).try_acquire() is False  # what node 2 has sent before has arrived
        assert await facades[1].lock(name).try_acquire() is False
        assert await held.release() is True
        assert (await caller).token == held.token + 1
