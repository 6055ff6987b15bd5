"""Clients are no nodes: they have a receiver of their own, are never dialed, and cannot take a node's place."""

from pathlib import Path

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.testing.conformance.transport.nodes import Inbox
from casty_transport_tcp import peers
from casty_transport_tcp.framing import Kind, data_header
from casty_transport_tcp.reasons import Ending, Reason
from trustme import CA

from tests.transport_tcp.certificates import written
from tests.transport_tcp.strangers import QUICK, Stranger, opened

TLS = "tls://127.0.0.1:0"
COOKIE = b"a cookie of the cluster's nodes!"
CLIENT = NodeId("reports", 0, 1)


def frame(body: bytes) -> bytes:
    return data_header(len(body)) + body


async def test_a_client_has_a_receiver_of_its_own_and_gets_replies() -> None:
    clients = Inbox()
    async with opened(cookies=(COOKIE,), clients=clients) as a, Stranger.at(a.address) as client:
        await client.introduce(CLIENT, cookies=(COOKIE,))
        client.write(frame(b"question"))
        await clients.until_received(1)
        assert clients.frames == [(CLIENT, b"question")]
        assert a.transport.send(CLIENT.address, b"reply")
        assert await client.frame() == (Kind.data, b"reply")
        client.cut()
        await clients.until(lambda: clients.lost == [CLIENT], "the loss of the client")
        assert a.inbox.connected == []
        assert a.inbox.frames == []


async def test_a_client_needs_the_cookie() -> None:
    clients = Inbox()
    async with opened(cookies=(COOKIE,), clients=clients) as a, Stranger.at(a.address) as client:
        with pytest.raises(Ending):  # a close frame instead of the welcome
            await client.introduce(CLIENT)
        assert a.transport.counters == {"wrong-cookie": 1}
        assert clients.connected == []


async def test_an_endpoint_without_a_receiver_for_clients_rejects_them() -> None:
    async with opened() as a, Stranger.at(a.address) as client:
        with pytest.raises(Ending):  # a close frame instead of the challenge
            await client.introduce(CLIENT)
        assert a.transport.counters == {"no-clients": 1}
        assert a.inbox.connected == []


async def test_frames_for_a_client_that_is_not_connected_are_dropped_at_once() -> None:
    """Nothing is dialed: a client listens nowhere."""
    clients = Inbox()
    async with opened(clients=clients) as a:
        assert a.transport.send(CLIENT.address, b"reply")
        await clients.until(lambda: bool(clients.dropped), "the dropped frame")
        assert clients.dropped == [(PeerAddress("reports", 0), b"reply")]
        assert clients.reasons == ["the client reports is not connected to this node"]
        assert a.inbox.failures == []


async def test_the_certificate_of_a_node_is_for_the_address_that_it_advertises_wherever_a_client_reaches_it(
    tmp_path: Path,
) -> None:
    authority, clients = CA(), Inbox()
    named = authority.issue_cert("orders.internal")
    tls = written(tmp_path / "node", authority=authority, certificate=named).config
    own = written(tmp_path / "client", authority=authority).config
    async with opened(TLS, tls=tls, advertised=PeerAddress("orders.internal", 0), clients=clients) as a:
        advertised = a.address
        reached = PeerAddress("127.0.0.1", advertised.port)
        async with opened(TLS, tls=own, client="reports", address_map={advertised: reached}) as client:
            await client.send(advertised, [b"x"])
            await clients.until_received(1)
        async with opened(TLS, QUICK, tls=own, client="reports") as astray:
            await astray.send(reached, [b"x"])
            await astray.inbox.until(lambda: bool(astray.inbox.dropped), "the dropped frame")
            assert "the other side's certificate is refused" in astray.inbox.reasons[0]


async def test_of_two_clients_of_one_name_the_newer_one_stays() -> None:
    clients = Inbox()
    async with opened(clients=clients) as a, Stranger.at(a.address) as older, Stranger.at(a.address) as newer:
        await older.introduce(CLIENT)
        await newer.introduce(CLIENT._replace(uid=2))
        assert await older.verdict() is Reason.replaced
        await clients.until(lambda: clients.lost == [CLIENT], "the loss of the older one")


async def test_a_client_that_calls_itself_like_a_node_does_not_replace_it() -> None:
    clients = Inbox()
    async with opened(clients=clients) as a, opened() as b, Stranger.at(a.address) as client:
        await b.meet(a)
        await client.introduce(NodeId(b.address.host, 0, 1))
        client.write(frame(b"x"))
        await clients.until_received(1)
        assert a.inbox.lost == []
        await a.send(b.address, [b"still there?"])
        await b.inbox.until_received(1)


async def test_many_clients_do_not_make_a_node_forget_which_nodes_were_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers, "REMEMBERED", 3)
    clients = Inbox()
    older, newer = NodeId("127.0.0.1", 9, 1), NodeId("127.0.0.1", 9, 2)
    async with opened(clients=clients) as a:
        for node in (older, newer):
            async with Stranger.at(a.address) as stranger:
                await stranger.introduce(node)
                await a.inbox.until(lambda node=node: node in a.inbox.connected, "the node")
        for uid in range(1, 11):  # the same name again and again: nine were replaced
            async with Stranger.at(a.address) as client:
                await client.introduce(CLIENT._replace(uid=uid))
        async with Stranger.at(a.address) as zombie:
            await zombie.introduce(older)
            assert await zombie.verdict() is Reason.replaced
