"""Peers are announced before their first frame, by incarnation and not only by address."""

import asyncio

from casty.spi.transport import Lane
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import node, numbered
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()


@check
async def a_frame_arrives_with_its_sender(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.send(b.address, [b"hello"])
        await b.inbox.until_received(1)
        expect_equal("what arrived", b.inbox.frames, [(a.id, b"hello")])


@check
async def sending_calls_no_receiver_back(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        for _ in range(2):
            before = len(b.inbox.frames), len(a.inbox.connected), len(b.inbox.connected)
            expect(a.transport.send(b.address, b"x"), "a frame to an idle peer was refused")
            after = len(b.inbox.frames), len(a.inbox.connected), len(b.inbox.connected)
            expect_equal("the callbacks of both while `send` ran", after, before)
            await b.inbox.until_received(before[0] + 1)


@check
async def both_ends_are_announced_to_each_other(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.send(b.address, [b"x"])
        await b.inbox.until_received(1)
        await a.inbox.until(lambda: bool(a.inbox.connected), "the peer's connection")
        expect_equal("the peers of the sender", a.inbox.connected, [b.id])
        expect_equal("the peers of the receiver", b.inbox.connected, [a.id])


@check
async def a_peer_is_announced_once_for_both_lanes(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport) as b:
        await a.meet(b)
        expect_equal("the peers of the one", a.inbox.connected, [b.id])
        expect_equal("the peers of the other", b.inbox.connected, [a.id])


@check
async def two_that_connect_to_each_other_at_once_lose_nothing(open_transport: OpenTransport) -> None:
    for _ in range(10):
        async with node(open_transport) as a, node(open_transport) as b:
            frames = numbered(range(50))
            for frame in frames:
                for lane in Lane:
                    a.transport.send(b.address, frame, lane)
                    b.transport.send(a.address, frame, lane)
            for one, other in ((a, b), (b, a)):
                await one.inbox.until_received(100)
                expect_equal("what arrived on both lanes", sorted(one.inbox.bodies()), sorted(frames * 2))
                expect_equal("the connected peers", one.inbox.connected, [other.id])


@check
async def many_talk_to_many(open_transport: OpenTransport) -> None:
    async with (
        node(open_transport) as a,
        node(open_transport) as b,
        node(open_transport) as c,
        node(open_transport) as d,
    ):
        nodes = (a, b, c, d)
        for sender in nodes:
            for receiver in nodes:
                if sender is not receiver:
                    await sender.send(receiver.address, numbered(range(sender.uid * 100, sender.uid * 100 + 20)))
        for receiver in nodes:
            await receiver.inbox.until_received(60)
            for sender in nodes:
                got = [frame for peer, frame in receiver.inbox.frames if peer == sender.id]
                wanted = [] if sender is receiver else numbered(range(sender.uid * 100, sender.uid * 100 + 20))
                expect_equal("frames from one of them", got, wanted)


@check
async def what_a_receiver_raises_costs_one_frame(open_transport: OpenTransport) -> None:
    loop, reports = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _, context: reports.append(context.get("exception")))
    try:
        async with node(open_transport) as a, node(open_transport) as b:
            b.inbox.refuses = b"bad"
            await a.send(b.address, [b"good", b"bad", b"better"])
            await b.inbox.until_received(2)
            expect_equal("what arrived", b.inbox.bodies(), [b"good", b"better"])
            expect_equal("the lost peers", b.inbox.lost, [])
        expect_equal("the errors reported to the event loop", [type(error) for error in reports], [LookupError])
    finally:
        loop.set_exception_handler(None)
