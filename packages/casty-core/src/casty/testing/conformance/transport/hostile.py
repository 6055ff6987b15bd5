"""Invalid bytes cost the connection that they arrive on, and nothing else."""

import asyncio
from contextlib import suppress
from typing import Final

from casty.address import PeerAddress
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import Node, node, placed_node
from casty.testing.conformance.transport.registry import Capabilities, OpenTransport, Promised, Wire
from casty.testing.conformance.transport.relay import relay, swallowed

check = Promised(lambda capabilities: capabilities.wire is not None)

COOKIE: Final = b"a cookie of more than thirty-two bytes"
MOST: Final = 32 << 20
"""A number of bytes without a frame among them: an endpoint that accepts them all has no bound."""
PIECE: Final = b"\xff" * (256 << 10)
"""A byte that gives a large number in any encoding of lengths."""
PATIENCE: Final = 2.0
"""Seconds without an accepted byte after which an endpoint has stopped reading."""


def wire_of(promised: Capabilities) -> Wire:
    if promised.wire is None:
        raise AssertionError("this check needs a wire")
    return promised.wire


async def expect_served(one: Node, other: Node) -> None:
    """Expect the endpoint to still serve valid peers."""
    before = len(one.inbox.frames)
    await other.send(one.address, [b"and now?"])
    await one.inbox.until_received(before + 1)
    expect_equal("what arrived in the end", one.inbox.bodies()[-1], b"and now?")


@check
async def bytes_that_are_no_frame_are_not_kept(open_transport: OpenTransport, promised: Capabilities) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        _, writer = await wire_of(promised).dial(a.address)
        taken = await swallowed(writer, PIECE, MOST, PATIENCE)
        writer.close()
        expect(taken < MOST, f"an endpoint took {taken} bytes of a stranger, among which there is no frame")
        expect_equal("the peers connected by them", a.inbox.connected, [])
        await expect_served(a, b)


@check
async def a_frame_that_a_peer_makes_too_large_is_not_kept(
    open_transport: OpenTransport, promised: Capabilities
) -> None:
    """Its size is known before its bytes arrive."""
    async with (
        relay(wire_of(promised)) as between,
        placed_node(open_transport, advertised=between.address) as (b, between.target),
        node(open_transport) as a,
    ):
        await a.send(between.address, [b"x"])
        await b.inbox.until_received(1)
        expect(bool(between.onward), "the two have found another way to each other than the relay")
        taken = max([await swallowed(writer, PIECE, MOST, PATIENCE) for writer in between.onward])
        expect(taken < MOST, f"an endpoint took {taken} bytes of a peer, among which there is no frame")
        expect_equal("what arrived by them", b.inbox.bodies(), [b"x"])


@check.where(lambda capabilities: capabilities.authenticating)
async def a_replayed_handshake_is_rejected(open_transport: OpenTransport, promised: Capabilities) -> None:
    wire = wire_of(promised)
    async with (
        relay(wire) as between,
        placed_node(open_transport, cookies=(COOKIE,), advertised=between.address) as (b, between.target),
    ):
        async with node(open_transport, cookies=(COOKIE,)) as a:
            await a.send(between.address, [b"x"])
            await b.inbox.until_received(1)
        await b.inbox.until(lambda: bool(b.inbox.lost), "the loss of the recorded peer")
        expect(any(between.said), "nothing was recorded: the two have found another way to each other")
        connected = list(b.inbox.connected)
        for said in between.said:
            await _replay(wire, between.target, said)
        expect_equal("the peers connected by a recorded handshake", b.inbox.connected, connected)
        expect_equal("what arrived", b.inbox.bodies(), [b"x"])


async def _replay(wire: Wire, target: PeerAddress, said: bytes) -> None:
    reader, writer = await wire.dial(target)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            writer.write(said)
            await writer.drain()
            while await reader.read(65_536):
                pass
    writer.close()
