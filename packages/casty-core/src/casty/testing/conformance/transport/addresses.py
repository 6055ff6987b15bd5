"""Addresses of endpoints: free ones, taken ones, and advertised ones."""

import asyncio
import os
import warnings

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Endpoint
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import CLUSTER, Inbox, free_address, node
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()

ADVERTISED = PeerAddress("node.example", 4711)
"""An address without an endpoint."""


@check
async def port_0_is_any_free_one(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        expect(a.address != b.address, f"two endpoints are at {a.address}")
        expect(0 not in (a.address.port, b.address.port), "the address of an endpoint has the port 0")


@check
async def an_address_that_is_taken_is_an_os_error(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        try:
            async with node(open_transport, at=a.address):
                pass
        except OSError:
            await b.send(a.address, [b"still there?"])
            await a.inbox.until_received(1)
            return
        raise AssertionError(f"two endpoints are at {a.address}: wanted OSError")


@check.where(lambda capabilities: capabilities.advertising)
async def an_endpoint_is_known_by_the_address_that_it_advertises(open_transport: OpenTransport) -> None:
    async with node(open_transport, advertised=ADVERTISED) as a, node(open_transport) as b:
        expect_equal("the address of an endpoint that advertises another one", a.address, ADVERTISED)
        await a.send(b.address, [b"x"])
        await b.inbox.until_received(1)
        expect_equal("the sender of a frame", b.inbox.frames, [(NodeId(*ADVERTISED, a.uid), b"x")])
        expect_equal("the connected peers", b.inbox.connected, [NodeId(*ADVERTISED, a.uid)])


@check.where(lambda capabilities: capabilities.processes and hasattr(os, "fork"))
async def an_address_is_free_again_when_its_process_was_killed(open_transport: OpenTransport) -> None:
    """It may have left something, such as the file of a socket."""
    address = await free_address(open_transport)
    killed = _fork_and_die(open_transport, address)
    expect(killed == 0, f"a process of its own could not open an endpoint at {address}: its exit code is {killed}")
    async with node(open_transport, at=address) as a, node(open_transport) as b:
        await b.send(a.address, [b"x"])
        await a.inbox.until_received(1)


def _fork_and_die(open_transport: OpenTransport, address: PeerAddress) -> int:
    """Open an endpoint in a process that then ends as a killed one does. Its exit code: 0 if the endpoint was open."""
    with warnings.catch_warnings():
        # A warning about lost threads: the child does nothing else.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    async def open_it() -> None:
        async with open_transport(Inbox(), Endpoint(cluster=CLUSTER, uid=1), address):
            os._exit(0)  # nothing is cleaned up

    try:
        asyncio.run(asyncio.wait_for(open_it(), 10))
    finally:
        os._exit(1)
