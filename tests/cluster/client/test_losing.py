"""Clients whose contact leaves, dies or cannot be reached, and clients that end."""

import asyncio
import logging

import pytest
from casty import (
    DeadLetter,
)
from casty.errors import (
    MailboxFullError,
    NodeLostError,
    SystemStoppedError,
)
from casty.testing.conformance.transport.nodes import turns
from casty_cluster.protocol.client import contact

from tests.cluster.client.scene import WORKERS, Scene, Where, at, cluster, kill, service_of
from tests.cluster.system.actors import Identify
from tests.cluster.system.waiting import until


async def test_an_ask_in_flight_fails_when_the_connection_is_lost_and_says_that_its_outcome_is_unknown() -> None:
    scene = Scene()
    async with cluster(2, scene) as nodes, at(nodes, 0) as client:
        asking = asyncio.create_task(client.ask(client.actor("/slow"), Identify, 60.0))
        await until(lambda: bool(scene.kept))
        address = nodes[0].self_node.address
        await kill(nodes, 0)
        with pytest.raises(NodeLostError, match=f"the connection to {address} was lost .* the outcome is unknown"):
            await asking


async def test_after_the_loss_of_its_contact_a_client_goes_to_a_node_that_it_was_never_given() -> None:
    async with cluster(3) as nodes, at(nodes, 0) as client:
        lost = nodes[0].self_node.node
        await kill(nodes, 0)
        await until(lambda: client.contact != lost)
        assert await client.actor("/local").ask(Where()) in ("node-2", "node-3")
        assert client.contact in [node.self_node.node for node in nodes]


async def test_what_is_asked_without_a_contact_waits_for_the_next_one() -> None:
    async with cluster(2) as nodes, at(nodes, 0) as client:
        killing = asyncio.create_task(kill(nodes, 0))
        await until(lambda: client.contact is None)
        assert await client.actor("/local").ask(Where(), 60.0) == "node-2"
        await killing


async def test_a_look_up_is_repeated_at_the_next_contact() -> None:
    async with cluster(2) as nodes, at(nodes, 0) as client:
        killing = asyncio.create_task(kill(nodes, 0))
        await until(lambda: client.contact is None)
        assert len((await client.lookup(WORKERS, 60.0)).instances) >= 1
        await killing


async def test_an_ask_that_found_no_contact_in_time_says_which_were_tried_and_why_each_failed() -> None:
    async with cluster(1) as nodes, nodes.client() as client:
        address = nodes[0].self_node.address
        await kill(nodes, 0)
        await until(lambda: client.contact is None)
        with pytest.raises(TimeoutError, match=f"no contact point has accepted this client: {address} .no endpoint"):
            await client.actor("/local").ask(Where(), timeout=0.3)
        with pytest.raises(TimeoutError, match=f"no listing of 'workers' within 0.05 s: .*{address} .no endpoint"):
            await client.lookup(WORKERS, timeout=0.05)


async def test_messages_that_wait_for_a_contact_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact.Contact.__init__, "__kwdefaults__", {"capacity": 3, "max_bytes": 1_000})
    async with cluster(1) as nodes, nodes.client() as client:
        lost: list[DeadLetter] = []
        client.event_stream.subscribe(DeadLetter, lost.append)
        await kill(nodes, 0)
        await until(lambda: client.contact is None)
        for number in range(4):
            client.actor("/local").tell(number)
        assert [letter.message for letter in lost] == [3]
        with pytest.raises(MailboxFullError, match="too many messages wait"):
            await client.actor("/local").ask(Where())


async def test_a_node_that_leaves_hands_its_clients_over_without_a_failed_ask(caplog: pytest.LogCaptureFixture) -> None:
    async with cluster(3) as nodes, at(nodes, 1) as client:
        leaving, replies, is_over = nodes[1], list[str](), False

        async def ask() -> None:
            while not is_over:
                replies.append(await client.actor("/local").ask(Where(), 60.0))

        asking = [asyncio.create_task(ask()) for _ in range(10)]
        await until(lambda: len(replies) > 100)
        await leaving.shutdown()
        count = len(replies)
        await until(lambda: len(replies) > count + 100)
        is_over = True
        await asyncio.gather(*asking)
        assert {"node-2"} < set(replies) <= {"node-1", "node-2", "node-3"}
        assert [record.getMessage() for record in caplog.records if record.name == "casty.client"] == []
        assert client.contact in [nodes[0].self_node.node, nodes[2].self_node.node]


async def test_a_leaving_node_waits_for_the_asks_that_its_clients_have_pending() -> None:
    scene = Scene()
    async with cluster(2, scene) as nodes, at(nodes, 1) as client:
        asking = asyncio.create_task(client.ask(client.actor("/slow"), Identify, 60.0))
        await until(lambda: bool(scene.kept))
        node = nodes[1]
        leaving = asyncio.create_task(node.shutdown())
        await until(lambda: client.contact == nodes[0].self_node.node)
        for _ in range(500):  # turns in which it would stop its actors
            await asyncio.sleep(0)
        assert node.lookup("/slow") is not None
        scene.kept[0].reply_to.tell("in time")
        assert await asking == "in time"
        await leaving


async def test_the_last_node_waits_for_no_client() -> None:
    """It has nowhere to go."""
    async with cluster(1) as nodes, nodes.client() as client:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await nodes[0].shutdown()
        assert loop.time() - begun < 4.0
        assert client.contact is None


async def test_a_client_that_disconnects_in_an_ask_leaves_nothing_behind() -> None:
    scene = Scene()
    async with cluster(1, scene) as nodes:
        async with nodes.client() as client:
            asking = asyncio.create_task(client.ask(client.actor("/slow"), Identify, 60.0))
            await until(lambda: bool(scene.kept))
            assert len(service_of(nodes[0]).pending_asks) == 1
        with pytest.raises(SystemStoppedError, match="the client was closed before the reply came"):
            await asking
        await until(lambda: service_of(nodes[0]).pending_asks == [])
        lost: list[DeadLetter] = []
        nodes[0].event_stream.subscribe(DeadLetter, lost.append)
        scene.kept[0].reply_to.tell("too late")
        await turns()
        assert lost == [], "the ask on behalf of the client went on"


async def test_closing_a_client_fails_what_is_pending_and_ends_it() -> None:
    scene = Scene()
    async with cluster(1, scene) as nodes:
        client = nodes.client()
        with pytest.raises(SystemStoppedError, match="use it inside 'async with ClusterClient"):
            client.actor("/local")
        async with client:
            local = client.actor("/local")
            asking = asyncio.create_task(client.ask(client.actor("/slow"), Identify, 60.0))
            await until(lambda: bool(scene.kept))
        with pytest.raises(SystemStoppedError, match="the client was closed before the reply came"):
            await asking
        with pytest.raises(SystemStoppedError):
            await client.ask(local, Identify)
        await client.close()
        async with client:  # again
            assert await client.actor("/local").ask(Where()) == "node-1"


async def test_the_log_of_a_client_names_its_contacts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="casty.client")
    async with cluster(2) as nodes, at(nodes, 0) as client:
        first, second = (node.self_node.address for node in nodes)
        await kill(nodes, 0)
        await until(lambda: client.contact == nodes[0].self_node.node)
    lines = [record.getMessage() for record in caplog.records if record.name == "casty.client"]
    assert lines[0] == f"{first} is the contact of this client"
    assert lines[1].startswith(f"the contact {first} is lost, and the client looks for another one: ")
    assert lines[-1] == f"{second} is the contact of this client"
