"""Which peers are rejected, and that the reason is visible."""

from itertools import pairwise

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.transport.nodes import Node, node, numbered
from casty.testing.conformance.transport.registry import Checks, OpenTransport

check = Checks()

OLD, NEW = b"an old cookie of thirty-two bytes", b"a new cookie, as long as the old"


async def expect_apart(a: Node, b: Node) -> None:
    """What either sends to the other is dropped, and neither hears of the other."""
    frames = numbered(range(5))
    await a.send(b.address, frames)
    await b.send(a.address, frames)
    for one, other in ((a, b), (b, a)):
        await one.inbox.until(lambda inbox=one.inbox: len(inbox.dropped) == 5, "five dropped frames")
        expect_equal("what was dropped", one.inbox.dropped, [(other.address, frame) for frame in frames])
        expect(all(one.inbox.reasons), "frames were dropped without a reason")
    for one in (a, b):
        expect_equal("the connected peers", one.inbox.connected, [])
        expect_equal("what arrived", one.inbox.frames, [])
        expect(sum(one.transport.counters.values()) > 0, "nothing is counted of what was refused")


async def expect_together(a: Node, b: Node) -> None:
    await a.meet(b)
    expect_equal("the connected peers", (a.inbox.connected, b.inbox.connected), ([b.id], [a.id]))


@check
async def another_cluster_is_turned_away(open_transport: OpenTransport) -> None:
    async with node(open_transport, cluster="one") as a, node(open_transport, cluster="two") as b:
        await expect_apart(a, b)


@check
async def a_refusal_disturbs_no_other_peer(open_transport: OpenTransport) -> None:
    async with (
        node(open_transport) as a,
        node(open_transport) as b,
        node(open_transport, cluster="another") as stranger,
    ):
        await a.meet(b)
        await stranger.send(a.address, [b"let me in"])
        await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
        await b.send(a.address, [b"x"])
        await a.inbox.until_received(1)
        expect_equal("what arrived", a.inbox.frames, [(b.id, b"x")])
        expect_equal("the lost peers", a.inbox.lost + b.inbox.lost, [])


@check
async def counters_count_up_and_belong_to_their_reader(open_transport: OpenTransport) -> None:
    async with node(open_transport) as a, node(open_transport, cluster="another") as stranger:
        await stranger.send(a.address, [b"x"])
        await stranger.inbox.until(lambda: bool(stranger.inbox.dropped), "the dropped frame")
        first = dict(a.transport.counters)
        await stranger.send(a.address, [b"x"])
        await stranger.inbox.until(lambda: len(stranger.inbox.dropped) == 2, "another dropped frame")
        second = a.transport.counters
        expect(bool(first), "nothing is counted of what was refused")
        expect(all(second[reason] >= number for reason, number in first.items()), f"{first} became {dict(second)}")
        expect(sum(second.values()) > sum(first.values()), f"a second refusal was not counted: {dict(second)}")


@check.where(lambda capabilities: capabilities.authenticating)
async def the_same_cookie_is_accepted(open_transport: OpenTransport) -> None:
    async with node(open_transport, cookies=(NEW,)) as a, node(open_transport, cookies=(NEW,)) as b:
        await expect_together(a, b)


@check.where(lambda capabilities: capabilities.authenticating)
async def another_cookie_keeps_out(open_transport: OpenTransport) -> None:
    async with node(open_transport, cookies=(NEW,)) as a, node(open_transport, cookies=(OLD,)) as b:
        await expect_apart(a, b)


@check.where(lambda capabilities: capabilities.authenticating)
async def no_cookie_keeps_out(open_transport: OpenTransport) -> None:
    async with node(open_transport, cookies=(NEW,)) as a, node(open_transport) as b:
        await expect_apart(a, b)


@check.where(lambda capabilities: capabilities.authenticating)
async def cookies_are_changed_one_node_after_the_other(open_transport: OpenTransport) -> None:
    steps = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    for before, after in pairwise(steps):
        for dialing, accepting in ((before, after), (after, before)):
            async with node(open_transport, cookies=dialing) as a, node(open_transport, cookies=accepting) as b:
                await a.send(b.address, [b"x"])
                await b.inbox.until_received(1)
