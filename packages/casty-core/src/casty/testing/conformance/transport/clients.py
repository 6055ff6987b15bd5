"""Clients are no nodes: they listen nowhere, have a name in place of an address, and nodes have a receiver for them."""

from casty.address import PeerAddress
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import Inbox, free_address, node, placed_node
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks(lambda capabilities: capabilities.clients)

NAME = "reports"
OLD, NEW = b"an old cookie of thirty-two bytes", b"a new cookie, as long as the old"


@check
async def a_client_exchanges_frames_with_a_node_and_is_no_peer_of_it(open_transport: OpenTransport) -> None:
    clients = Inbox()
    async with node(open_transport, clients=clients) as a, node(open_transport, client=NAME) as client:
        expect_equal("the address of the client", client.address, PeerAddress(NAME, 0))
        await client.send(a.address, [b"question"])
        await clients.until_received(1)
        expect_equal("what arrived", clients.frames, [(client.id, b"question")])
        await a.send(client.address, [b"reply"])
        await client.inbox.until_received(1)
        expect_equal("what came back", client.inbox.frames, [(a.id, b"reply")])
        expect_equal("the peers of the client", client.inbox.connected, [a.id])
        expect_equal("the clients of the node", clients.connected, [client.id])
        expect_equal("the peers of the node", a.inbox.connected, [])


@check
async def a_client_that_closes_is_lost(open_transport: OpenTransport) -> None:
    clients = Inbox()
    async with node(open_transport, clients=clients) as a:
        async with node(open_transport, client=NAME) as client:
            await client.send(a.address, [b"x"])
            await clients.until_received(1)
        await clients.until(lambda: clients.lost == [client.id], "the loss of the client")
        await a.send(client.address, [b"too late"])
        await clients.until(lambda: bool(clients.dropped), "the dropped frame")
        expect_equal("what was dropped", clients.dropped, [(client.address, b"too late")])


@check
async def a_client_reaches_several_nodes(open_transport: OpenTransport) -> None:
    one, other = Inbox(), Inbox()
    async with (
        node(open_transport, clients=one) as a,
        node(open_transport, clients=other) as b,
        node(open_transport, client=NAME) as client,
    ):
        await client.send(a.address, [b"1"])
        await client.send(b.address, [b"2"])
        await one.until_received(1)
        await other.until_received(1)
        expect_equal("what arrived", (one.bodies(), other.bodies()), ([b"1"], [b"2"]))


@check
async def a_node_that_accepts_no_clients_rejects_them(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport, client=NAME) as client:
        await client.send(a.address, [b"x"])
        await client.inbox.until(lambda: bool(client.inbox.dropped), "the dropped frame")
        expect_equal("the peers of the node", a.inbox.connected, [])
        expect_equal("what arrived", a.inbox.frames, [])
        expect(sum(a.transport.counters.values()) > 0, "nothing is counted of what was rejected")


@check.where(lambda capabilities: capabilities.authenticating)
async def a_client_needs_the_cookie_of_the_nodes(open_transport: OpenTransport) -> None:
    clients = Inbox()
    async with (
        node(open_transport, cookies=(NEW,), clients=clients) as a,
        node(open_transport, client="stranger", cookies=(OLD,)) as stranger,
        node(open_transport, client=NAME, cookies=(NEW,)) as client,
    ):
        await stranger.send(a.address, [b"x"])
        await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
        await client.send(a.address, [b"y"])
        await clients.until_received(1)
        expect_equal("what arrived", clients.frames, [(client.id, b"y")])


@check.where(lambda capabilities: capabilities.advertising)
async def a_client_connects_where_its_address_map_says(open_transport: OpenTransport) -> None:
    clients = Inbox()
    advertised = await free_address(open_transport)
    async with (
        placed_node(open_transport, advertised=advertised, clients=clients) as (a, place),
        node(open_transport, client=NAME, address_map={advertised: place}) as client,
    ):
        for frame in (b"1", b"2"):
            await client.send(advertised, [frame])
        await clients.until_received(2)
        expect_equal("what arrived", clients.bodies(), [b"1", b"2"])
        expect_equal("the peers of the client", client.inbox.connected, [a.id])
