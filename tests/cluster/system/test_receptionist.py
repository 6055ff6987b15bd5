"""Finding actors by key on any node."""

import asyncio
from typing import Any, override

import pytest
from casty import ActorContext, ActorRef, Behavior, Behaviors, Mailbox, MailboxOverflowStrategy, ServiceKey
from casty.address import ActorAddress
from casty.behaviors.discovery import Deregister, Find, Listing, Register, Subscribe
from casty.errors import DecodeError
from casty.testing import TestProbe
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until

KEY = ServiceKey[Any]("workers")


def found(node: ClusteredActorSystem) -> list[str]:
    return sorted(instance.node.host for instance in node.lookup(KEY).instances)


async def until_found(node: ClusteredActorSystem, expected: list[str]) -> None:
    await until(lambda: found(node) == expected)


async def test_an_actor_that_is_discoverable_is_found_on_every_node_until_it_stops() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        worker = first.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until_found(first, ["node-1"])
        await until_found(second, ["node-1"])
        [instance] = second.lookup(KEY).instances
        assert await second.ask(instance.ref, Identify) == "worker"
        assert instance.node == first.self_node.node
        worker.tell(Do("stop"))
        await until_found(second, [])
        await until_found(first, [])


async def test_a_subscriber_is_notified_of_every_change() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        probe = TestProbe[Listing[Any]](second)
        second.receptionist.tell(Subscribe(KEY, probe.ref))
        assert (await probe.receive()).instances == ()
        worker = first.spawn(answering("worker"), "worker")
        first.receptionist.tell(Register(KEY, worker))
        assert [i.ref for i in (await probe.receive()).instances] == [worker]
        first.receptionist.tell(Deregister(KEY, worker))
        assert (await probe.receive()).instances == ()


async def test_the_receptionist_answers_as_an_actor_does() -> None:
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        worker = node.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until_found(node, ["node-1"])

        def find(reply_to: ActorRef[Listing[Any]]) -> Find[Any]:
            return Find(KEY, reply_to)

        listing = await node.ask(node.receptionist, find)
        assert [instance.ref for instance in listing.instances] == [worker]


async def test_a_newcomer_finds_what_was_there_before_it() -> None:
    async with DevelopmentCluster(1) as cluster:
        cluster[0].spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until_found(await cluster.add_node(), ["node-1"])


async def test_a_node_that_leaves_takes_its_actors_with_it() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        second.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until_found(first, ["node-2"])
        await second.leave()
        await until_found(first, [])


async def test_a_refused_registration_or_full_subscriber_harms_no_other_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty_cluster.protocol.registry.MAX_ENTRIES", 1)
    async with DevelopmentCluster(1) as cluster:
        node = cluster[0]
        deaf = node.spawn(Behaviors.receive(_never), "deaf", mailbox=Mailbox(1, MailboxOverflowStrategy.reject))
        for _ in range(3):
            node.receptionist.tell(Subscribe(KEY, deaf))
        worker, other = (node.spawn(answering(name), name) for name in ("worker", "other"))
        node.receptionist.tell(Register(KEY, worker))
        node.receptionist.tell(Register(KEY, other))
        node.receptionist.tell("no message of its own")  # pyright: ignore[reportArgumentType]
        await until_found(node, ["node-1"])

        def find(reply_to: ActorRef[Listing[Any]]) -> Find[Any]:
            return Find(KEY, reply_to)

        listing = await node.ask(node.receptionist, find)
        assert [instance.ref for instance in listing.instances] == [worker]


async def test_many_services_cost_their_number_and_not_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    many, read = 300, 0

    class Reading(ActorAddress):
        @classmethod
        @override
        def from_uri(cls, uri: str) -> ActorAddress:
            nonlocal read
            read += 1
            return ActorAddress.from_uri(uri)

    monkeypatch.setattr("casty_cluster.receptionist.receptionist.ActorAddress", Reading)
    async with DevelopmentCluster(2) as (first, second):
        sizes = list[int]()

        async def listen(_: ActorContext[Listing[Any]], listing: Listing[Any]) -> Behavior[Listing[Any]]:
            sizes.append(len(listing.instances))
            return Behaviors.same()

        second.receptionist.tell(Subscribe(KEY, second.spawn(Behaviors.receive(listen), "router")))
        await until(lambda: sizes == [0])
        for number in range(many):
            first.spawn(Behaviors.discoverable(answering("worker"), KEY), f"worker-{number}")
        await until(lambda: sizes[-1] == many)
        assert read == many, "each address is read once"
        assert len(sizes) < many / 3, "news is combined"


async def test_an_actor_beyond_the_bound_does_not_run_without_being_found(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("casty_cluster.protocol.registry.MAX_ENTRIES", 2)
    async with DevelopmentCluster(1) as [node]:
        services = [node.spawn(Behaviors.discoverable(answering(name), KEY), name) for name in ("one", "two", "three")]
        assert [await node.ask(ref, Identify) for ref in services[:2]] == ["one", "two"]
        await until(lambda: node.lookup("/three") is None)
        assert "2 actors of this node can be found" in caplog.text
        assert len(node.lookup(KEY).instances) == 2


async def test_strays_are_ignored_with_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(2) as (first, second):
        for name in ("_receptionist", "_death-watch"):
            stray = first.lookup(f"/{name}")
            assert stray is not None
            for _ in range(100):
                stray.tell("stray")
        worker = first.spawn(Behaviors.discoverable(answering("worker"), KEY), "worker")
        await until_found(second, ["node-1"])
        probe = TestProbe[Any](second)
        [instance] = second.lookup(KEY).instances
        probe.watch(instance.ref)
        worker.tell(Do("stop"))
        await probe.expect_terminated(instance.ref)
    lines = [record.getMessage() for record in caplog.records if "ignores a message of type str" in record.getMessage()]
    assert {line.split()[0] for line in lines} == {"/_receptionist", "/_death-watch"}
    assert len(lines) <= 10


async def _never(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
    await asyncio.Event().wait()
    return Behaviors.same()


async def test_an_actor_of_castys_own_takes_no_messages_of_other_nodes() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for path in ("/_receptionist", "/_death-watch", "//_receptionist"):
            ref = second.lookup(path, node="node-1")
            assert ref is not None
            with pytest.raises(DecodeError, match="internal to Casty"):
                await second.ask(ref, Identify, timeout=20.0)
        assert first.lookup("/_receptionist") is not None
