"""Reliable delivery between nodes: consumers that move, nodes that are cut off, killed and restarted."""

import asyncio
from typing import Any

from casty import ActorRef, Behaviors, InMemoryJournal, ServiceKey
from casty.delivery import Send, Transfer, consumer, distributor, producer
from casty.extension import LocalRef, stop
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.waiting import until
from tests.core.delivery.handlers import TEXTS, Recorder

KEY = ServiceKey[Transfer[str]]("consumers")


def receive_on(node: ClusteredActorSystem, recorder: Recorder) -> ActorRef[Any]:
    return node.spawn(Behaviors.discoverable(consumer(recorder.behavior(), window=10), KEY))


async def test_messages_reach_a_consumer_of_another_node_once_and_in_order() -> None:
    async with DevelopmentCluster(2) as cluster:
        recorder = Recorder()
        receive_on(cluster[1], recorder)
        sender = cluster[0].spawn(producer(KEY), "sender")
        for text in TEXTS:
            sender.tell(Send(text))
        await sender.ask(Send("last", confirmed=True), timeout=60.0)
        assert recorder.seen == [*TEXTS, "last"]


async def test_a_producer_is_asked_from_another_node() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        recorder = Recorder()
        receive_on(second, recorder)
        first.spawn(producer(KEY), "sender")
        sender = second.lookup("/sender", node="node-1")
        assert sender is not None
        await sender.ask(Send("text", confirmed=True), timeout=60.0)
        assert recorder.seen == ["text"]


async def test_a_consumer_that_is_started_on_another_node_gets_the_rest() -> None:
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        stuck, working = Recorder(), Recorder()
        stuck.gate.clear()
        receive_on(second, stuck)
        sender = first.spawn(producer(KEY), "sender")
        for text in TEXTS:
            sender.tell(Send(text))
        await until(lambda: bool(stuck.seen))
        await second.leave()
        receive_on(third, working)
        await sender.ask(Send("last", confirmed=True), timeout=60.0)
        assert working.seen == [*TEXTS, "last"]


async def test_a_partition_delays_messages_and_loses_none() -> None:
    async with DevelopmentCluster(2) as cluster:
        recorder = Recorder()
        receiver = receive_on(cluster[1], recorder)
        target: ActorRef[Transfer[str]] | None = cluster[0].lookup(receiver.address.path, node="node-2")
        assert target is not None
        sender = cluster[0].spawn(producer(target), "sender")
        await sender.ask(Send("first", confirmed=True), timeout=60.0)
        cluster.partition([0], [1])
        for text in TEXTS[:20]:
            sender.tell(Send(text))
        for _ in range(100):  # long enough for them to be sent, and too short for a node to be downed
            await asyncio.sleep(0)
        assert recorder.seen == ["first"]
        cluster.heal()
        await sender.ask(Send("last", confirmed=True), timeout=60.0)
        assert recorder.seen == ["first", *TEXTS[:20], "last"]


async def test_workers_of_several_nodes_share_the_messages() -> None:
    async with DevelopmentCluster(3) as cluster:
        recorders = [Recorder() for _ in cluster]
        for node, recorder in zip(cluster, recorders, strict=True):
            receive_on(node, recorder)
        await until(lambda: len(cluster[0].lookup(KEY).instances) == 3)
        sender = cluster[0].spawn(distributor(KEY), "sender")
        for text in TEXTS:
            await sender.ask(Send(text), timeout=60.0)
        await until(lambda: sum(len(recorder.seen) for recorder in recorders) >= len(TEXTS))
        assert sorted(text for recorder in recorders for text in recorder.seen) == sorted(TEXTS)
        assert all(recorder.seen for recorder in recorders)


async def test_a_durable_producer_continues_on_another_node() -> None:
    journal = InMemoryJournal()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        sender = first.spawn(producer(KEY, producer_id="orders", journal=journal), "sender")
        for text in TEXTS[:10]:
            await sender.ask(Send(text))
        assert isinstance(sender, LocalRef)
        stop(sender)
        await until(lambda: first.lookup("/sender") is None)
        recorder = Recorder()
        receive_on(first, recorder)
        again = second.spawn(producer(KEY, producer_id="orders", journal=journal), "sender")
        await again.ask(Send("last", confirmed=True), timeout=60.0)
        assert recorder.seen == [*TEXTS[:10], "last"]
