"""Routers over several nodes: groups whose routees are elsewhere, and routers that are reached from elsewhere."""

import asyncio
from typing import Any

import pytest
from casty import (
    ActorContext,
    ActorFailedError,
    ActorRef,
    ActorStoppedError,
    Behavior,
    Behaviors,
    ConsistentHashing,
    EncodeError,
    LeastMailbox,
    RoundRobin,
    RouterRef,
    ServiceKey,
)
from casty.runtime.cell import IDLE
from casty.runtime.routing.ref import LocalRouterRef
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until

KEY = ServiceKey[Any]("workers")


def breaking() -> Behavior[Any]:
    """Fails on every message."""

    async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        raise ValueError("it is broken")

    return Behaviors.receive(receive)


def listed(node: ClusteredActorSystem) -> int:
    return len(node.lookup(KEY).instances)


def is_starting(group: RouterRef[Any]) -> bool:
    assert isinstance(group, LocalRouterRef)
    return group.cell.state != IDLE or group.routes is None or not group.routes.routees


def always(key: str) -> ConsistentHashing[Any]:
    return ConsistentHashing(lambda message: key)


async def names(ref: ActorRef[Any], count: int) -> list[str]:
    return sorted([await ref.ask(Identify) for _ in range(count)])


async def started(cluster: DevelopmentCluster) -> None:
    """Have a worker on every node, known to all of them."""
    for number, node in enumerate(cluster):
        node.spawn(Behaviors.discoverable(answering(f"worker {number}"), KEY), "worker")
    for node in cluster:
        await until(lambda node=node: listed(node) == len(cluster))


async def test_a_group_reaches_actors_of_every_node() -> None:
    async with DevelopmentCluster(3) as cluster:
        await started(cluster)
        group = cluster[0].spawn(Behaviors.group(KEY, routing=RoundRobin()), "group")
        assert await names(group, 6) == ["worker 0", "worker 0", "worker 1", "worker 1", "worker 2", "worker 2"]


async def test_a_message_waits_for_the_first_routee_on_any_node() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        group = first.spawn(Behaviors.group(KEY))
        asking = asyncio.ensure_future(group.ask(Identify))
        await asyncio.sleep(0)
        second.spawn(Behaviors.discoverable(answering("late"), KEY), "worker")
        assert await asking == "late"


async def test_a_node_that_leaves_takes_its_routees_with_it() -> None:
    async with DevelopmentCluster(2) as cluster:
        await started(cluster)
        group = cluster[0].spawn(Behaviors.group(KEY, routing=RoundRobin()))
        assert await names(group, 2) == ["worker 0", "worker 1"]
        await cluster[1].leave()
        await until(lambda: listed(cluster[0]) == 1)
        await asyncio.sleep(0)
        assert set(await names(group, 4)) == {"worker 0"}


@pytest.mark.parametrize("routing", [RoundRobin(), always("alice"), LeastMailbox()])
async def test_an_ask_of_a_routee_elsewhere_fails_as_soon_as_that_does(routing: Any) -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(Behaviors.discoverable(breaking(), KEY), "worker")
        await until(lambda: listed(first) == 1)
        group: RouterRef[Any] = first.spawn(Behaviors.group(KEY, routing=routing))
        await until(lambda: not is_starting(group))
        with pytest.raises(ActorFailedError, match="it is broken"):
            await group.ask(Identify, timeout=60.0)


async def test_a_reply_reference_that_has_been_looked_at_still_takes_the_reply() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until(lambda: listed(first) == 1)
        group: RouterRef[Any] = first.spawn(Behaviors.group(KEY))
        await until(lambda: first.lookup("/other") is None)
        seen: list[Any] = []

        def make(reply_to: ActorRef[str]) -> Identify:
            seen.append(first.resolve(reply_to.address))
            return Identify(seen[0])

        await group.ask(Identify)
        assert await group.ask(make) == "worker"


async def test_a_message_that_cannot_travel_fails_its_ask() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until(lambda: listed(first) == 1)
        group: RouterRef[Any] = first.spawn(Behaviors.group(KEY))
        await group.ask(Identify)
        with pytest.raises(EncodeError):
            await group.ask(lambda reply_to: lambda: reply_to, timeout=60.0)


async def test_a_pool_is_asked_from_another_node_and_the_ask_fails_with_its_child() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        workers = iter([answering("a"), answering("b"), breaking()])
        first.spawn(Behaviors.pool(3, lambda: next(workers)), "pool")
        pool = second.lookup("/pool", node="node-1")
        assert pool is not None
        assert [await pool.ask(Identify) for _ in range(2)] == ["a", "b"]
        with pytest.raises(ActorFailedError, match="it is broken"):
            await pool.ask(Identify, timeout=60.0)
        assert [await pool.ask(Identify) for _ in range(2)] == ["a", "b"]


async def test_a_message_that_a_pool_cannot_place_is_refused_on_the_other_node() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        routing = ConsistentHashing[Any](lambda message: message.missing)
        first.spawn(Behaviors.pool(1, lambda: answering("a"), routing=routing), "pool")
        pool = second.lookup("/pool", node="node-1")
        assert pool is not None
        for _ in range(2):
            with pytest.raises((ActorStoppedError, ActorFailedError), match="the key function"):
                await pool.ask(Identify, timeout=60.0)


async def test_all_nodes_hash_alike() -> None:
    async with DevelopmentCluster(3) as cluster:
        await started(cluster)
        groups = [
            node.spawn(Behaviors.group(KEY, routing=always(key)), f"group {key}")
            for node in cluster
            for key in ("alice", "bob", "carol", "dave")
        ]
        found = [await group.ask(Identify) for group in groups]
        assert found[:4] == found[4:8] == found[8:]
        assert len(set(found)) > 1


async def test_the_least_mailbox_prefers_this_node() -> None:
    async with DevelopmentCluster(3) as cluster:
        await started(cluster)
        group = cluster[1].spawn(Behaviors.group(KEY, routing=LeastMailbox()))
        assert set(await names(group, 5)) == {"worker 1"}


async def test_a_broadcast_reaches_every_node() -> None:
    async with DevelopmentCluster(3) as cluster:
        await started(cluster)
        group = cluster[0].spawn(Behaviors.group(KEY))
        await group.ask(Identify)
        group.broadcast(Do("stop"))
        await until(lambda: listed(cluster[0]) == 0)
