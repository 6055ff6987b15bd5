"""Frames arrive whole, unchanged and in the order of their lane, whatever becomes of connections meanwhile."""

from itertools import pairwise

from casty.spi.transport import Lane
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import Node, node, numbered
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()

MANY = 100_000


@check
async def a_hundred_thousand_frames_arrive_in_order(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        frames = numbered(range(MANY))
        await a.send(b.address, frames)
        await b.inbox.until_received(MANY)
        expect(b.inbox.bodies() == frames, "the order of frames has changed, or one is another")


@check
async def each_lane_keeps_its_own_order(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        user, control = numbered(range(3_000)), numbered(range(10_000, 13_000))
        for both in zip(user, control, strict=True):
            for frame, lane in zip(both, (Lane.user, Lane.control), strict=True):
                await a.send(b.address, [frame], lane)
        await b.inbox.until_received(6_000)
        bodies, first_of_control = b.inbox.bodies(), control[0]
        expect_equal("the user lane", [frame for frame in bodies if frame < first_of_control], user)
        expect_equal("the control lane", [frame for frame in bodies if frame >= first_of_control], control)


@check
async def frames_of_all_sizes_arrive_unchanged(open_transport: OpenTransport) -> None:
    every_byte = bytes(range(256))
    async with node(open_transport) as a, node(open_transport) as b:
        frames = [every_byte[:size] for size in range(1, 257)]
        frames += [every_byte * (size // 256) + b"." for size in (1 << 10, 4 << 10, (64 << 10) - 256, 300_000, 800_000)]
        await a.send(b.address, frames)
        await b.inbox.until_received(len(frames))
        expect(b.inbox.bodies() == frames, "a frame has changed on its way")


@check
async def a_control_frame_overtakes_a_flood_of_the_users(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        flood = numbered(range(100), size=100_000)
        sent = sum(a.transport.send(b.address, frame) for frame in flood)
        await a.send(b.address, [b"urgent"], Lane.control)
        await b.inbox.until_received(sent + 1)
        place = b.inbox.bodies().index(b"urgent")
        expect(place < sent, f"a control frame arrived behind all {sent} frames of the user lane")


@check
async def nothing_older_comes_after_a_new_connection(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        for round_number in range(10):
            first = round_number * 1_000
            for frame in numbered(range(first, first + 500)):
                a.transport.send(b.address, frame)
            await (a if round_number % 2 else b).transport.disconnect((b if round_number % 2 else a).address)
        await a.get_through(b, 100_000)
        expect_ascending(b)


@check
async def frames_that_meet_the_closing_of_a_connection_stay_in_order(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        last = 0
        for _ in range(10):
            await a.send(b.address, numbered(range(last + 1, last + 200)))
            last += 200
            await b.transport.disconnect(a.address)
            await a.send(b.address, numbered([last]))
        await a.get_through(b, last + 1)
        expect_ascending(b)


def expect_ascending(receiver: Node) -> None:
    bodies = receiver.inbox.bodies()
    wrong = [(before, after) for before, after in pairwise(bodies) if before >= after]
    expect(not wrong, f"frames arrived behind later ones, or twice: {wrong[:3]}")
