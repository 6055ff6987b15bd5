"""Frames are refused immediately at the sender: wrong sizes, full queues, a closed endpoint."""

from typing import Final

from casty.address import PeerAddress
from casty.spi.transport import FRAME_LIMITS, Lane
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import Node, node, numbered
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()

NOWHERE: Final = PeerAddress("127.0.0.1", 1)
"""An address without an endpoint, in any network."""

MOST: Final = 2_000_000
"""A number of frames that no queue should hold: if all are accepted, the queue has no bound."""


def fill(sender: Node, to: PeerAddress, size: int, lane: Lane = Lane.user) -> int:
    """Send frames of that size until one is refused. Returns the number of accepted ones."""
    frame = bytes(size)
    taken = next((number for number in range(MOST) if not sender.transport.send(to, frame, lane)), MOST)
    expect(taken < MOST, f"{MOST} frames of {size} bytes were queued and none was refused")
    return taken


@check
async def an_empty_frame_is_a_value_error(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        for lane in Lane:
            try:
                a.transport.send(b.address, b"", lane)
            except ValueError:
                continue
            raise AssertionError(f"an empty frame on the {lane.value} lane: wanted ValueError")


@check
async def a_frame_of_the_largest_size_passes_and_a_larger_one_is_a_value_error(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        for lane, limit in FRAME_LIMITS.items():
            try:
                a.transport.send(b.address, bytes(limit + 1), lane)
            except ValueError as error:
                expect(str(limit) in str(error), f"the error does not name the limit, {limit}: {error}")
            else:
                raise AssertionError(f"a frame of {limit + 1} bytes on the {lane.value} lane: wanted ValueError")
            await a.send(b.address, [bytes(limit)], lane)
        await b.inbox.until_received(2)
        sizes = sorted(len(frame) for frame in b.inbox.bodies())
        expect_equal("the sizes of what arrived", sizes, sorted(FRAME_LIMITS.values()))


@check
async def a_full_queue_refuses_and_all_it_took_arrives(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        taken = fill(a, b.address, 100)
        await b.inbox.until_received(taken)
        await a.send(b.address, [b"after"])
        await b.inbox.until_received(taken + 1)
        expect_equal("how many arrived", len(b.inbox.frames), taken + 1)
        expect_equal("the last one", b.inbox.bodies()[-1], b"after")


@check
async def a_queue_is_bounded_by_bytes_too(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        taken = fill(a, b.address, 500_000)
        expect(taken < 2_000, f"{taken} frames of 500 kB were queued before one was refused")
        await b.inbox.until_received(taken)


@check
async def a_full_queue_leaves_the_other_lane_open(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        fill(a, b.address, 1_000)
        expect(a.transport.send(b.address, b"urgent", Lane.control), "the user lane has closed the control lane")
        await b.inbox.until(lambda: b"urgent" in b.inbox.bodies(), "the control frame")


@check
async def a_full_queue_leaves_other_peers_open(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        fill(a, NOWHERE, 1_000)
        expect(a.transport.send(b.address, b"x"), "one peer's queue has closed another's")
        await b.inbox.until_received(1)


@check
async def a_peer_that_is_not_there_delays_no_other(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        frames = numbered(range(500))
        for frame in frames:
            a.transport.send(NOWHERE, frame)
            a.transport.send(b.address, frame)
        await b.inbox.until_received(500)
        expect_equal("what arrived", b.inbox.bodies(), frames)


@check
async def a_closed_endpoint_takes_nothing(open_transport: OpenTransport) -> None:
    async with node(open_transport) as b:
        async with node(open_transport) as a:
            pass
        expect(not a.transport.send(b.address, b"x"), "a frame was taken after the endpoint had been closed")
