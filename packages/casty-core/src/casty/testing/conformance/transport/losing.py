"""How connections end: queued frames are sent first, losses are reported once, undelivered frames are named."""

import asyncio
from typing import cast

from casty.spi.transport import DiscardingTransport, Lane
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.bounds import NOWHERE
from casty.testing.conformance.transport.nodes import node, numbered, turns
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()


@check
async def disconnecting_sends_what_is_queued_first(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        frames = numbered(range(200), size=1_000)
        for lane in Lane:
            await a.send(b.address, frames, lane)
        await a.transport.disconnect(b.address)
        await b.inbox.until_received(400)
        expect_equal("what was dropped", a.inbox.dropped, [])


@check
async def disconnecting_tells_both_sides_once(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        await a.transport.disconnect(b.address)
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss, where it was asked for")
        await b.inbox.until(lambda: bool(b.inbox.lost), "the loss, on the other side")
        await turns()
        expect_equal("the lost peers", (a.inbox.lost, b.inbox.lost), ([b.id], [a.id]))
        expect(all(a.inbox.reasons + b.inbox.reasons), "a peer was lost without a reason")


@check
async def disconnecting_again_or_from_a_stranger_says_nothing(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        both = a.transport.disconnect(b.address), b.transport.disconnect(a.address)
        await asyncio.gather(*both, a.transport.disconnect(b.address))
        await a.transport.disconnect(b.address)
        await a.transport.disconnect(NOWHERE)
        await b.inbox.until(lambda: bool(b.inbox.lost), "the loss, on the other side")
        await turns()
        expect_equal("the lost peers", (a.inbox.lost, b.inbox.lost), ([b.id], [a.id]))


@check
async def after_a_disconnect_the_next_frame_connects_anew(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        for number in (1, 2, 3):
            await a.send(b.address, numbered([number]))
            await b.inbox.until_received(number)
            await a.transport.disconnect(b.address)
        await b.inbox.until(lambda: len(b.inbox.lost) == 3, "three losses")
        expect_equal("what arrived", b.inbox.bodies(), numbered([1, 2, 3]))
        expect_equal("the connected peers", b.inbox.connected, [a.id] * 3)


@check
async def closing_sends_what_is_queued_tells_the_others_and_is_silent(open_transport: OpenTransport) -> None:
    async with node(open_transport) as b, node(open_transport) as c:
        async with node(open_transport) as a:
            await a.meet(b)
            for frame in (frames := numbered(range(200), size=1_000)):
                await a.send(b.address, [frame])
                await a.send(c.address, [frame])
        for other in (b, c):
            await other.inbox.until(lambda inbox=other.inbox: bool(inbox.lost), "the loss of the closed endpoint")
            expect_equal("what arrived before", other.inbox.bodies(), frames)
            expect_equal("the lost peers", other.inbox.lost, [a.id])


@check
async def undeliverable_frames_are_dropped_by_name(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a:
        frames = numbered(range(10))
        await a.send(NOWHERE, frames)
        await a.inbox.until(lambda: len(a.inbox.dropped) == 10, "ten dropped frames")
        expect_equal("what was dropped", a.inbox.dropped, [(NOWHERE, frame) for frame in frames])
        expect(all(a.inbox.reasons), "frames were dropped without a reason")
        expect_equal("the lost peers, of which none existed", a.inbox.lost, [])


@check
async def disconnecting_drops_what_cannot_leave(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a:
        await a.send(NOWHERE, [b"x"])
        await a.transport.disconnect(NOWHERE)
        expect_equal("what was dropped", a.inbox.dropped, [(NOWHERE, b"x")])


@check
async def no_frame_is_both_delivered_and_dropped(open_transport: OpenTransport) -> None:
    frames = numbered(range(5_000), size=500)
    async with node(open_transport) as a:
        async with node(open_transport) as b:
            await a.meet(b)
            taken = [frame for frame in frames if a.transport.send(b.address, frame)]
        await a.transport.disconnect(b.address)
        arrived, dropped = b.inbox.bodies(), [frame for _, frame in a.inbox.dropped]
        expect_equal("what was delivered and dropped", set(arrived) & set(dropped), set[bytes]())
        expect(set(arrived) | set(dropped) <= set(taken), "something was delivered or dropped that was never taken")
        expect_equal("the order of what was dropped", dropped, sorted(dropped))


@check
async def a_restarted_node_is_another_one(open_transport: OpenTransport) -> None:
    async with node(open_transport) as b:
        async with node(open_transport) as first:
            await first.meet(b)
        await b.inbox.until(lambda: bool(b.inbox.lost), "the loss of the first")
        async with node(open_transport, at=first.address) as second:
            await second.send(b.address, [b"again"])
            await b.inbox.until_received(1)
            await b.send(second.address, [b"hello"])
            await second.inbox.until_received(1)
            expect_equal("the sender of the last frame", b.inbox.frames, [(second.id, b"again")])
            expect_equal("the connected peers", b.inbox.connected, [first.id, second.id])
            expect_equal("the lost peers", b.inbox.lost, [first.id])


@check.where(lambda capabilities: capabilities.patient)
async def frames_wait_for_a_peer_that_comes_later(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a:
        async with node(open_transport) as gone:
            pass
        frames = numbered(range(100))
        await a.send(gone.address, frames)
        await a.send(gone.address, frames, Lane.control)
        await turns()
        async with node(open_transport, at=gone.address) as b:
            await b.inbox.until_received(200)
            expect_equal("what arrived", sorted(b.inbox.bodies()), sorted(frames * 2))


@check.where(lambda capabilities: capabilities.patient)
async def frames_wait_while_a_node_restarts(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a:
        async with node(open_transport) as first:
            await a.meet(first)
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the first")
        await a.send(first.address, numbered(range(100)))
        await turns()
        async with node(open_transport, at=first.address) as second:
            await second.inbox.until_received(100)
            expect_equal("what arrived", second.inbox.bodies(), numbered(range(100)))
            expect_equal("the connected peers", a.inbox.connected, [first.id, second.id])


@check.where(lambda capabilities: capabilities.discards)
async def what_is_discarded_has_been_dropped_by_name_and_never_arrives(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a:
        async with node(open_transport) as gone:
            await a.meet(gone)
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the node that is gone")
        frames, transport = numbered(range(10)), cast("DiscardingTransport", a.transport)
        for lane in Lane:
            await a.send(gone.address, frames, lane)
        transport.discard(gone.address, "it will not come back")
        transport.discard(NOWHERE, "it was never there")
        expect_equal("what was dropped", sorted(a.inbox.dropped), sorted((gone.address, frame) for frame in frames * 2))
        expect_equal("the last reason", a.inbox.reasons[-1], "it will not come back")
        async with node(open_transport, at=gone.address) as b:
            await a.send(gone.address, [b"later"])
            await b.inbox.until_received(1)
            expect_equal("what arrived", b.inbox.bodies(), [b"later"])


@check.where(lambda capabilities: capabilities.discards)
async def discarding_leaves_a_connection_as_it_is(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        frames = numbered(range(2_000), size=500)
        taken = [frame for frame in frames if a.transport.send(b.address, frame)]
        cast("DiscardingTransport", a.transport).discard(b.address, "it is not needed")
        await a.send(b.address, [b"later"])
        await b.inbox.until(lambda: b"later" in b.inbox.bodies(), "the frame that was sent later")
        expect_equal("what arrived", b.inbox.bodies(), [*taken, b"later"])
        expect_equal("the lost peers", a.inbox.lost, [])
        expect_equal("what was dropped", a.inbox.dropped, [])


@check
async def a_closed_endpoint_leaves_no_task(open_transport: OpenTransport) -> None:
    before = asyncio.all_tasks()
    async with node(open_transport) as b:
        async with node(open_transport) as a:
            await a.meet(b)
            await a.send(NOWHERE, [b"x"])
            await a.send(b.address, numbered(range(100)))
        await b.send(a.address, [b"too late"])
    expect_equal("tasks that are left", [*asyncio.all_tasks() - before], [])
