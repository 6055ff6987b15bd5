"""What clients of a cluster reach, and how many there may be."""

import asyncio
from typing import Any

import pytest
from casty import (
    ActorSystem,
    Behaviors,
    DeadLetter,
    ServiceKey,
)
from casty.errors import (
    ActorFailedError,
    ActorStoppedError,
    EncodeError,
    MailboxFullError,
)
from casty.plugins import PluginRegistry
from casty_cluster.client import asks

from tests.cluster.client.scene import WORKERS, Introduce, Scene, Where, at, cluster, service_of
from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until


async def test_a_client_asks_and_tells_what_its_contact_has_and_is_no_member() -> None:
    scene = Scene()
    async with cluster(2, scene) as nodes, at(nodes, 1) as client:
        local = client.actor("/local")
        assert await local.ask(Where()) == "node-2"
        assert await client.ask(local, lambda reply_to: Where(reply_to=reply_to)) == "node-2"
        local.tell("hello")
        await until(lambda: scene.received == ["hello"])
        assert [len(node.members) for node in nodes] == [2, 2]
        assert client.contact == nodes[1].self_node.node


async def test_a_client_reaches_a_singleton_that_runs_on_another_node_than_its_contact() -> None:
    """That node has no connection to the client: the contact asks on its behalf."""
    async with cluster() as nodes, at(nodes, 1) as client:
        assert await client.ask(client.actor("/single"), Identify) == "node-1"


async def test_a_client_looks_up_actors_of_all_nodes_and_asks_them() -> None:
    async with cluster(3) as nodes, at(nodes, 0) as client:
        listing = await client.lookup(WORKERS)
        assert listing.key == WORKERS
        assert {instance.node for instance in listing.instances} == {node.self_node.node for node in nodes}
        names = [await client.ask(instance.ref, Identify) for instance in listing.instances]
        assert sorted(names) == ["node-1", "node-2", "node-3"]
        assert (await client.lookup(ServiceKey[Any]("unused"))).instances == ()


async def test_a_listing_that_is_larger_than_a_frame_arrives_as_a_whole() -> None:
    key = ServiceKey[Any]("crowd")
    async with cluster(1) as nodes, nodes.client() as client:
        for number in range(1_500):
            nodes[0].spawn(Behaviors.discoverable(answering("x"), key), f"member-{number}-of-a-crowd-with-long-names")
        await until(lambda: len(nodes[0].lookup(key).instances) == 1_500)
        assert len((await client.lookup(key, 60.0)).instances) == 1_500


async def test_a_reference_in_a_reply_can_be_asked() -> None:
    async with cluster() as nodes, at(nodes, 1) as client:
        worker = await client.actor("/local").ask(Introduce())
        assert await client.ask(worker, Identify) == "node-2"


async def test_messages_of_a_client_to_one_actor_keep_their_order_whether_told_or_asked() -> None:
    scene = Scene()

    async with cluster(1, scene) as nodes, nodes.client() as client:
        slow = client.actor("/slow")
        pending: list[asyncio.Task[Any]] = []
        for number in range(100):
            if number % 3:
                slow.tell(number)
            else:
                pending.append(asyncio.create_task(client.ask(slow, lambda to, number=number: (number, to), 60.0)))
                await asyncio.sleep(0)
        await until(lambda: len(scene.kept) == 100)
        assert [entry[0] if isinstance(entry, tuple | list) else entry for entry in scene.kept] == list(range(100))
        for entry in scene.kept[::3]:
            entry[1].tell("done")
        assert set(await asyncio.gather(*pending)) == {"done"}


async def test_an_ask_fails_at_once_when_no_reply_can_come() -> None:
    async with cluster(1) as nodes, nodes.client() as client:
        with pytest.raises(ActorStoppedError, match=r"/absent cannot answer: no living actor has this address"):
            await client.actor("/absent").ask(Where())
        with pytest.raises(ActorFailedError, match="node-1 is broken"):
            await client.ask(client.actor("/local"), lambda _: Do("raise"))


async def test_a_message_that_is_too_large_fails_its_ask_and_is_a_dead_letter_otherwise() -> None:
    huge = "x" * 2_000_000
    async with cluster(1) as nodes, nodes.client() as client:
        lost: list[DeadLetter] = []
        client.event_stream.subscribe(DeadLetter, lost.append)
        with pytest.raises(EncodeError):
            await client.actor("/local").ask(Where(huge))
        client.actor("/local").tell(huge)
        assert [letter.message for letter in lost] == [huge]


async def test_the_pending_asks_of_one_client_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asks, "MAX_ASKS", 2)
    scene = Scene()
    async with cluster(1, scene) as nodes, nodes.client() as client, nodes.client() as other:
        pending = [asyncio.create_task(client.ask(client.actor("/slow"), Identify, 60.0)) for _ in range(2)]
        await until(lambda: len(scene.kept) == 2)
        with pytest.raises(MailboxFullError, match=r"2 asks of the client client-.* are pending on one node"):
            await client.actor("/local").ask(Where())
        assert await other.actor("/local").ask(Where()) == "node-1"
        for kept in scene.kept:
            kept.reply_to.tell("done")
        assert await asyncio.gather(*pending) == ["done", "done"]
        assert await client.actor("/local").ask(Where()) == "node-1"


async def test_a_thousand_clients_use_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster(1) as nodes:
        plugins = PluginRegistry.discover(disabled=(), extra=[nodes.network])

        def discovered(**_: object) -> PluginRegistry:
            return plugins

        monkeypatch.setattr(PluginRegistry, "discover", discovered)  # it takes longer than all the rest
        clients = [nodes.client() for _ in range(1_000)]
        for client in clients:
            await client.__aenter__()
        try:
            replies = await asyncio.gather(*(client.actor("/local").ask(Where(), 60.0) for client in clients))
            assert set(replies) == {"node-1"}
        finally:
            await asyncio.gather(*(client.close() for client in clients))
        await until(lambda: service_of(nodes[0]).clients == 0)


async def test_a_client_is_used_from_other_threads() -> None:
    scene = Scene()
    async with cluster(1, scene) as nodes, nodes.client() as client:
        local = client.actor("/local")

        def use() -> str:
            client.tell_threadsafe(local, "from a thread")
            with pytest.raises(RuntimeError, match="Non-thread-safe"):
                local.tell("in the wrong way")
            return client.ask_threadsafe(local, Where()).result(30.0)

        assert await asyncio.to_thread(use) == "node-1"
        assert scene.received == ["from a thread"]


async def test_another_actor_system_of_the_process_uses_the_references_of_a_client() -> None:
    async with cluster(1) as nodes, nodes.client() as client, ActorSystem("shop") as shop:
        local = client.actor("/local")
        assert await shop.ask(local, lambda reply_to: Where(reply_to=reply_to)) == "node-1"
