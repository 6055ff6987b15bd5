"""Nonsense from clients harms no node, and nonsense from a node harms no client."""

import asyncio
import logging
from typing import Any

import pytest
from casty.address import PeerAddress
from casty.cluster import ClusterClient
from casty.errors import NoContactError, NodeLostError
from casty.member import NodeId
from casty.testing.conformance.transport.nodes import CLUSTER, Inbox, Node
from casty_cluster.wire import codec, frames
from casty_cluster.wire.client import Attach, Attached, Detach, Detached, Found, Instance, Leaving, Lookup, Moved

from tests.cluster.client.scene import WORKERS, Where, service_of
from tests.cluster.system.test_clients import FORBIDDEN, Client, node
from tests.cluster.system.waiting import until
from tests.transport_tcp.strangers import opened


def written(message: object) -> bytes:
    return codec.encode(frames.CLIENT, message)


NONSENSE: dict[str, bytes] = {
    "nothing behind the kind": bytes((frames.CLIENT,)),
    "no message": bytes((frames.CLIENT,)) + b"\xc0",
    "a field of another type": written(Attach(1))[:-1] + b"\xa1x",
    "a look-up of nothing": written(Lookup(1, "")),
    "a look-up of much": written(Lookup(2, "x" * 50_000)),
    "a look-up with a NUL": written(Lookup(3, "a\0b")),
    "a detachment before any attachment": written(Detach(4)),
    "a move without a notice": written(Moved()),
    "a number below 0": written(Attach(-1)),
    **FORBIDDEN,
}


async def test_nonsense_of_a_client_leaves_a_node_as_it_was() -> None:
    async with node() as system:
        async with Client.of(system) as client:
            for nonsense in NONSENSE.values():
                client.send(nonsense)
            for _ in range(1_000):
                client.send(written(Attach(7)))
        async with Client.of(system, uid=8) as other:
            assert await other.ask_name("/worker") == "worker"
        await until(lambda: service_of(system).clients == 0)
        assert service_of(system).pending_asks == []


class FakeNode:
    """Says to a client what no node would say."""

    def __init__(self, endpoint: Node, clients: Inbox) -> None:
        self.endpoint = endpoint
        self.clients = clients
        self._read = 0

    async def request(self) -> tuple[NodeId, Any]:
        """The next message of the client."""
        await self.clients.until_received(self._read + 1)
        client, frame = self.clients.frames[self._read]
        self._read += 1
        return client, codec.decode(frame, object) if frame[0] == frames.CLIENT else frame

    def say(self, client: NodeId, *said: object) -> None:
        for one in said:
            frame = one if isinstance(one, bytes) else written(one)
            assert self.endpoint.transport.send(client.address, frame)

    async def accept(self) -> NodeId:
        client, request = await self.request()
        assert isinstance(request, Attach)
        self.say(client, Attached(request.number, True, ()))
        return client


async def test_nonsense_of_its_contact_leaves_a_client_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="casty.client")
    clients = Inbox()
    async with opened(clients=clients) as endpoint:
        fake = FakeNode(endpoint, clients)
        client = ClusterClient(contact_points=[endpoint.address], system_name=CLUSTER)
        accepting = asyncio.create_task(fake.accept())
        async with client:
            it = await accepting
            fake.say(
                it,
                *(frame for frame in NONSENSE.values() if frame[0] not in (frames.ANSWER, frames.NO_ANSWER)),
                Attached(77, True, ()),
                Detached(77),
                Found(77, (), is_last=True),
                Leaving(),
                Leaving(),
                frames.answer(77, b"msgpack", b"\xc1"),
                frames.answer(77, b"unheard of", b"\1"),
                frames.no_answer(77, 99, "forged"),
            )
            looking = asyncio.create_task(client.lookup(WORKERS))
            while not isinstance((request := (await fake.request())[1]), Lookup):
                pass
            here = f"casty://{CLUSTER}@{endpoint.address}/worker#7"
            found = Instance(here, endpoint.id)
            fake.say(it, Found(request.number, (found,), is_last=False), Found(request.number, (), is_last=True))
            fake.say(it, Found(request.number, (found,), is_last=True))  # once more
            assert [instance.ref.address.to_uri() for instance in (await looking).instances] == [here]
            assert client.contact == endpoint.id
    assert len([record for record in caplog.records if record.name == "casty.client"]) <= 10


async def test_a_listing_with_an_address_that_is_none_fails_the_look_up() -> None:
    clients = Inbox()
    async with opened(clients=clients) as endpoint:
        fake = FakeNode(endpoint, clients)
        client = ClusterClient(contact_points=[endpoint.address], system_name=CLUSTER)
        accepting = asyncio.create_task(fake.accept())
        async with client:
            it = await accepting
            looking = asyncio.create_task(client.lookup(WORKERS))
            request = (await fake.request())[1]
            fake.say(it, Found(request.number, (Instance("no address", endpoint.id),), is_last=True))
            with pytest.raises(ValueError, match="not an actor's address: 'no address'"):
                await looking


async def test_a_contact_point_that_never_replies_is_named_with_that() -> None:
    """A node that listens, and is no member of its cluster yet."""
    clients = Inbox()
    async with opened(clients=clients) as endpoint:
        client = ClusterClient(contact_points=[endpoint.address], system_name=CLUSTER, connect_timeout=0.1)
        with pytest.raises(NoContactError, match=f"no reply yet of a contact point: {endpoint.address}"):
            await client.__aenter__()


async def test_an_ask_that_the_contact_never_answers_ends_at_its_timeout_or_with_the_connection() -> None:
    clients = Inbox()
    async with opened(clients=clients) as endpoint:
        fake = FakeNode(endpoint, clients)
        client = ClusterClient(contact_points=[endpoint.address], system_name=CLUSTER)
        accepting = asyncio.create_task(fake.accept())
        async with client:
            it = await accepting
            with pytest.raises(TimeoutError, match=r"/silent did not answer Where within 0\.05 s$"):
                await client.actor("/silent").ask(Where(), timeout=0.05)
            asking = asyncio.create_task(client.actor("/silent").ask(Where(), timeout=60.0))
            await fake.clients.until_received(3)
            await endpoint.transport.disconnect(PeerAddress(it.host, 0))
            with pytest.raises(NodeLostError):
                await asking
