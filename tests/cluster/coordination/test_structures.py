"""Distributed structures on a cluster: the same for all nodes, and with a journal that all share, beyond each node."""

import asyncio
from typing import Any

import pytest
from casty import InMemoryJournal
from casty.distributed import Distributed
from casty.errors import ArgumentError
from casty.extension import shard_of
from casty.testing.linearizability import CounterModel, History, QueueModel, check_linearizable
from casty_cluster import DevelopmentCluster
from casty_cluster.sharding.feature import Sharding


async def test_all_nodes_share_what_the_seed_documents_show() -> None:
    async with DevelopmentCluster(3) as cluster:
        one, two, three = (node.distributed() for node in cluster)
        await one.counter("page-views", shards=50).increment(100)
        await two.counter("page-views", shards=50).decrement(10)
        assert await three.counter("page-views", shards=50).get() == 90

        assert await one.map[str, list[int]]("users").put("alice", [1]) is None
        assert await two.map[str, list[int]]("users").get("alice") == [1]
        assert await three.map[str, list[int]]("users").delete("alice") is True
        assert await one.map[str, list[int]]("users").contains("alice") is False

        assert [await one.set[str]("tags").add("python"), await two.set[str]("tags").add("python")] == [True, False]
        assert await three.set[str]("tags").size() == 1

        await one.queue[str]("jobs").enqueue("task-1")
        assert await two.queue[str]("jobs").peek() == "task-1"
        assert [await three.queue[str]("jobs").dequeue(), await one.queue[str]("jobs").dequeue()] == ["task-1", None]


async def test_a_node_waits_at_a_barrier_for_the_others() -> None:
    async with DevelopmentCluster(3) as cluster:
        assert await asyncio.gather(*(node.barrier("work-complete", 3) for node in cluster)) == [1, 1, 1]
        first, second, third = cluster
        arriving = [asyncio.create_task(node.barrier("shutdown", 3)) for node in (first, second)]
        barrier = third.distributed().barrier("shutdown")
        while len(await barrier.present()) < 2:  # noqa: ASYNC110 - another node knows
            await asyncio.sleep(0.01)
        assert sorted(await barrier.present()) == sorted(str(node.self_node.node.address) for node in (first, second))
        with pytest.raises(ArgumentError, match="has arrived already in this round"):
            await first.barrier("shutdown", 3)
        assert await third.barrier("shutdown", 3) == 1
        assert await asyncio.gather(*arriving) == [1, 1]


async def test_structures_that_end_with_a_node_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(1) as cluster:
        cluster[0].distributed()
        cluster[0].distributed()
        cluster[0].distributed(journal)
    assert caplog.text.count("distributed structures without a journal are in the memory of one node each") == 1


async def test_a_lock_goes_from_node_to_node_in_order() -> None:
    async with DevelopmentCluster(3) as cluster:
        locks = [node.distributed().lock("deploy") for node in cluster]
        first = await locks[0].acquire()
        second = asyncio.create_task(locks[1].acquire())
        assert await locks[2].try_acquire() is False
        await first.release()
        assert [first.token, (await second).token] == [1, 2]
        assert await locks[0].try_acquire() is False


async def test_operations_of_all_nodes_at_once_are_linearizable() -> None:
    counters, queues = History(), History()
    async with DevelopmentCluster(3) as cluster, asyncio.TaskGroup() as group:

        async def caller(name: str, d: Distributed) -> None:
            counter, queue = d.counter("x"), d.queue[str]("x")
            for number in range(4):
                await counters.record(name, ("increment", 1), counter.increment())
                await queues.record(name, ("enqueue", f"{name}-{number}"), queue.enqueue(f"{name}-{number}"))
                await counters.record(name, ("get",), counter.get())
                await queues.record(name, ("dequeue",), queue.dequeue())

        callers = [group.create_task(caller(node.self_node.node_id, node.distributed())) for node in cluster]
        await asyncio.wait(callers)
    check_linearizable(counters.operations, CounterModel())
    check_linearizable(queues.operations, QueueModel())


def host_of(cluster: DevelopmentCluster, entity_id: str) -> Any:
    """The node that runs an entity."""
    shard = shard_of(entity_id, 100)
    for node in cluster:
        region = node.features.find(Sharding).regions["casty-distributed-persistent"]
        if region.holding(shard) is not None:
            return node
    raise AssertionError(f"no node runs {entity_id}")


async def test_b10_structures_outlive_the_node_that_hosts_them() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(3) as cluster:
        facades = {node: node.distributed(journal) for node in cluster}
        for d in facades.values():
            await d.counter("c").increment()
            assert await d.lock("l").release() is False
            async with d.lock("l"):
                pass
        host = host_of(cluster, "lock:l")
        holder, other = (facades[node] for node in cluster if node is not host)
        grant = await holder.lock("l", ttl=15.0).acquire()
        semaphore = await holder.semaphore("s", 2).acquire()
        await host.leave()
        assert await other.counter("c").get() == 3
        assert await other.lock("l").try_acquire() is False  # what is held is granted to no other
        assert grant.is_held
        assert await grant.release() is True
        assert (await other.lock("l").acquire()).token == grant.token + 1
        assert (await other.semaphore("s", 2).acquire()).token == semaphore.token + 1


async def test_a_client_uses_the_structures_of_the_nodes() -> None:
    async with InMemoryJournal() as journal, DevelopmentCluster(2) as cluster, cluster.client() as client:
        for node in cluster:
            await node.distributed().counter("c").increment()
            await node.distributed(journal).counter("c").increment(10)
        d = client.distributed()
        assert await d.counter("c").get() == 2
        assert await client.distributed(persistent=True).counter("c").increment() == 21
        async with d.lock("l") as grant:
            assert await cluster[0].distributed().lock("l").try_acquire() is False
            assert grant.is_held
        assert await cluster[0].distributed().lock("l").try_acquire() is True
        assert await d.map[str, list[int]]("m").put("k", [1]) is None
        assert await cluster[1].distributed().map[str, list[int]]("m").get("k") == [1]
