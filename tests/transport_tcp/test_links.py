"""What waits for a peer: how it is dialed, for how long, and what becomes of what waited."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Lane, Transport
from casty.testing.conformance.transport.nodes import numbered
from casty_transport_tcp import connection
from casty_transport_tcp.framing import Kind, data_header
from casty_transport_tcp.links import Link
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.reasons import Ending, Reason
from casty_transport_tcp.transport import TcpTransport

from tests.transport_tcp.proxy import Proxy
from tests.transport_tcp.strangers import QUICK, Stranger, opened, until

PEER = NodeId("127.0.0.1", 9, 77)


@pytest.fixture
def unused() -> Iterator[PeerAddress]:
    """An address at which no process listens, or can while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield PeerAddress(*taken.getsockname())


async def test_attempts_are_further_and_further_apart() -> None:
    """Each pause is twice as long as the one before, up to the longest, less at most a half by chance."""
    loop, attempts, enough = asyncio.get_running_loop(), list[float](), asyncio.Event()

    async def fail(link: Link) -> Ending:
        attempts.append(loop.time())
        if len(attempts) == 6:
            enough.set()
        return Ending(Reason.unreachable)

    link = Link(
        PEER.address,
        Lane.user,
        TcpOptions(first_retry=0.02, longest_retry=0.1),
        dial=fail,
        random=Random(1),
        on_dropped=lambda address, frames, reason: None,
        on_idle=lambda _: None,
    )
    assert link.send(b"x")
    await enough.wait()
    await link.disconnect("the test is over")
    pauses = [after - before for before, after in pairwise(attempts)]
    assert all(pause >= least for pause, least in zip(pauses, (0.01, 0.02, 0.04, 0.05, 0.05), strict=True))


async def test_queued_frames_are_dropped_in_time_and_in_order(unused: PeerAddress) -> None:
    loop = asyncio.get_running_loop()
    async with opened(options=replace(QUICK, give_up_after=0.3)) as a:
        began = loop.time()
        await a.send(unused, numbered(range(10)))
        await a.inbox.until(lambda: bool(a.inbox.dropped), "dropped frames")
        assert 0.25 < loop.time() - began < 3.0
        assert a.inbox.dropped == [(unused, frame) for frame in numbered(range(10))]
        (reason,) = a.inbox.reasons
        assert f"no connection to {unused} in 0.3 s: no node can be reached there: " in reason
        assert "Connect call failed" in reason


async def test_after_giving_up_the_next_frame_is_tried_at_once(
    unused: PeerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that is sent when its sender learns of it: the pause that had grown until then is over."""
    slow = TcpOptions(first_retry=60.0, longest_retry=60.0, give_up_after=0.3)
    async with opened(options=slow) as a:
        dropped = a.inbox.frames_dropped

        def resend(peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
            if not a.inbox.dropped:
                a.transport.send(peer, b"again")
            dropped(peer, frames, reason)

        monkeypatch.setattr(a.inbox, "frames_dropped", resend)
        await a.send(unused, [b"x"])
        await a.inbox.until(lambda: len(a.inbox.dropped) == 2, "two dropped frames")
        assert a.transport.counters["unreachable"] == 2


async def test_an_attempt_that_is_not_answered_ends(unused: PeerAddress) -> None:
    """A process listens there, and accepts, and sends nothing."""
    async with opened(options=TcpOptions(connect_timeout=0.1, give_up_after=0.5)) as a:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = PeerAddress(*silent.getsockname())
            await a.send(address, [b"x"])
            await a.inbox.until(lambda: bool(a.inbox.dropped), "the dropped frame")
            assert "no connection within 0.1 s" in a.inbox.reasons[0]
            assert a.transport.counters["unreachable"] >= 2


@pytest.mark.parametrize("host", ["no.such.host.invalid", "", "a" * 70, "\ud800"])
async def test_frames_for_an_impossible_host_are_dropped_as_any_others(host: str) -> None:
    async with opened(options=replace(QUICK, give_up_after=0.3)) as a:
        await a.send(PeerAddress(host, 1), [b"x"])
        await a.inbox.until(lambda: bool(a.inbox.dropped), "the dropped frame")
        assert a.inbox.dropped == [(PeerAddress(host, 1), b"x")]


async def test_a_node_that_dials_itself_learns_it() -> None:
    async with opened(options=replace(QUICK, give_up_after=0.2)) as a:
        await a.send(a.address, [b"x"])
        await a.inbox.until(lambda: bool(a.inbox.dropped), "the dropped frame")
        assert "the peer is this node itself" in a.inbox.reasons[0]
        assert a.inbox.connected == []


async def test_what_could_not_leave_waits_for_the_next_connection() -> None:
    """Frames that were queued when the connection broke are sent over the next one, in order."""
    async with opened() as a, Proxy.to(a.address) as proxy, opened() as b:
        await b.send(proxy.address, numbered(range(100)))
        await a.inbox.until_received(100)
        proxy.cut()
        await b.inbox.until(lambda: bool(b.inbox.lost), "the loss of the connection")
        await b.send(proxy.address, numbered(range(100, 200)))
        await a.inbox.until_received(200)
        assert a.inbox.bodies() == numbered(range(200))


async def test_a_peer_may_be_dialed_under_several_names() -> None:
    """It states its own address, and there is one queue to it, whichever name is used."""
    async with opened() as a, Proxy.to(a.address) as proxy, opened() as b:
        for number in range(0, 300, 3):
            for name, each in zip((a.address, proxy.address, proxy.address), range(number, number + 3), strict=True):
                await b.send(name, numbered([each]))
            if number == 150:
                await a.inbox.until_received(100)
        await a.inbox.until_received(300)
        assert b.inbox.connected == [a.id]
        assert sorted(a.inbox.bodies()) == numbered(range(300))
        frames = a.inbox.bodies()[200:]
        assert frames == sorted(frames)
        await b.transport.disconnect(proxy.address)
        assert b.inbox.lost == [a.id]


async def test_a_name_belongs_to_the_node_that_calls_itself_so() -> None:
    """Also where another node was dialed under it before."""
    async with opened() as a, Proxy.to(a.address) as proxy, opened() as b, Stranger.at(b.address) as owner:
        await b.send(proxy.address, [b"to the node that is there"])
        await a.inbox.until_received(1)
        await owner.introduce(NodeId(*proxy.address, 77))
        await b.inbox.until(lambda: len(b.inbox.connected) == 2, "the owner of the name")
        await b.send(proxy.address, [b"to its owner"])
        await b.send(a.address, [b"to the node that was there"])
        assert await owner.frame() == (Kind.data, b"to its owner")
        await a.inbox.until_received(2)
        assert a.inbox.bodies() == [b"to the node that is there", b"to the node that was there"]


async def test_last_words_reach_a_peer_that_is_still_talking() -> None:
    """A socket that is closed with unread input makes the system throw away what the other side has not read yet."""
    async with opened() as a, Stranger.at(a.address) as stranger:
        await stranger.introduce(PEER)
        await a.inbox.until(lambda: bool(a.inbox.connected), "the stranger")
        stranger.is_reading(False)
        await a.send(PEER.address, [b"last words"])
        disconnecting = asyncio.create_task(a.transport.disconnect(PEER.address))
        for _ in range(20):
            stranger.write(data_header(10_000) + bytes(10_000))
            await asyncio.sleep(0)
        stranger.is_reading(True)
        assert await stranger.frame() == (Kind.data, b"last words")
        stranger.end()
        await disconnecting


async def test_two_that_close_at_once_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER", 20.0)
    async with opened() as a, opened() as b:
        await a.meet(b)
        async with asyncio.timeout(60.0):
            await asyncio.gather(a.transport.disconnect(b.address), b.transport.disconnect(a.address))


async def test_an_unused_link_is_forgotten(unused: PeerAddress) -> None:
    async with opened(options=replace(QUICK, give_up_after=0.2)) as a, opened() as b:
        for port in range(1, 50):
            await a.send(PeerAddress("127.0.0.1", port), [b"x"])
        await a.meet(b)
        await a.transport.disconnect(b.address)
        await a.inbox.until(lambda: len(a.inbox.dropped) == 49, "49 dropped frames")
        await until(lambda: not links_of(a.transport), "no links")


def links_of(transport: Transport) -> list[PeerAddress]:
    assert isinstance(transport, TcpTransport)
    return [*transport._user, *transport._control]
