"""The transport within one process, held to the contract in `casty.spi.transport`."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from casty.plugins import PluginRegistry, build_options
from casty.spi.transport import PeerAddress, Transport
from casty.transports import inproc

A, B = PeerAddress("a", 1), PeerAddress("b", 1)


class Inbox:
    """Keeps what a transport reports."""

    def __init__(self) -> None:
        self.frames: list[tuple[PeerAddress, bytes]] = []
        self.lost: list[tuple[PeerAddress, str]] = []

    def frame_received(self, peer: PeerAddress, frame: bytes) -> None:
        self.frames.append((peer, frame))

    def peer_lost(self, peer: PeerAddress, reason: str) -> None:
        self.lost.append((peer, reason))


type Opened = tuple[Inbox, AbstractAsyncContextManager[Transport]]


def endpoint(url: str, **options: object) -> Opened:
    """As the runtime opens one: through the registry and the provider."""
    provider = PluginRegistry.discover().transport(url)
    inbox = Inbox()
    return inbox, provider.open(url, inbox, build_options(provider, options))


async def turns(wanted: Callable[[], bool], at_most: int = 10) -> None:
    """Lets the loop turn until it is so; fails where that takes more than a few turns."""
    for _ in range(at_most):
        if wanted():
            return
        await asyncio.sleep(0)
    assert wanted()


@pytest.fixture(autouse=True)
def leaves_no_endpoint() -> object:
    yield
    assert not inproc._endpoints


async def test_frames_arrive_in_order_and_in_a_later_turn() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b as b:
        assert (a.local, b.local) == (A, B)
        assert all(a.send(B, bytes([n])) for n in range(100))
        assert inbox.frames == []
        await turns(lambda: len(inbox.frames) == 100)
        assert inbox.frames == [(A, bytes([n])) for n in range(100)]


async def test_both_ways_share_one_connection() -> None:
    (inbox_a, opening_a), (inbox_b, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b as b:
        a.send(B, b"ping")
        b.send(A, b"pong")
        await turns(lambda: bool(inbox_a.frames and inbox_b.frames))
        await a.disconnect(B)
        assert (inbox_a.frames, inbox_b.frames) == ([(B, b"pong")], [(A, b"ping")])
        assert inbox_a.lost == [(B, "this endpoint closed the connection")]
        assert inbox_b.lost == [(A, "the peer closed the connection")]


async def test_disconnect_sends_what_is_queued_first() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        a.send(B, b"last words")
        await a.disconnect(B)
        assert inbox.frames == [(A, b"last words")]
        assert len(inbox.lost) == 1


async def test_disconnecting_twice_or_from_a_stranger_reports_nothing_more() -> None:
    (inbox_a, opening_a), (inbox_b, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b as b:
        a.send(B, b"x")
        await asyncio.gather(a.disconnect(B), b.disconnect(A), a.disconnect(B))
        await a.disconnect(PeerAddress("stranger", 1))
        assert (len(inbox_a.lost), len(inbox_b.lost)) == (1, 1)


async def test_after_a_disconnect_the_next_frame_connects_anew() -> None:
    (inbox_a, opening_a), (inbox_b, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        for frame in (b"1", b"2"):
            a.send(B, frame)
            await a.disconnect(B)
        assert inbox_b.frames == [(A, b"1"), (A, b"2")]
        assert (len(inbox_a.lost), len(inbox_b.lost)) == (2, 2)


async def test_closing_sends_what_is_queued_tells_both_sides_once_and_then_is_silent() -> None:
    (inbox_a, opening_a), (inbox_b, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_b as b:
        async with opening_a as a:
            a.send(B, b"bye")
        assert inbox_b.frames == [(A, b"bye")]
        assert (len(inbox_a.lost), len(inbox_b.lost)) == (1, 1)
        assert b.send(A, b"too late")
        assert not a.send(B, b"from the dead")
        await turns(lambda: len(inbox_b.lost) == 2)
    assert inbox_a.frames == []
    assert len(inbox_a.lost) == 1


async def test_frames_to_nobody_are_lost_and_reported_once_for_each_attempt() -> None:
    inbox, opening = endpoint("inproc://a:1")
    async with opening as a:
        assert a.send(B, b"1")
        assert a.send(B, b"2")
        await turns(lambda: bool(inbox.lost))
        assert inbox.lost == [(B, "nobody listens at inproc://b:1")]
        other, opening_b = endpoint("inproc://b:1")
        async with opening_b:
            assert a.send(B, b"3")
            await turns(lambda: bool(other.frames))
            assert other.frames == [(A, b"3")]


async def test_a_failed_attempt_leaves_the_connection_that_the_peer_opens_meanwhile() -> None:
    (inbox_a, opening_a), (inbox_b, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a:
        a.send(B, b"too early")
        async with opening_b as b:
            b.send(A, b"hello")
            await turns(lambda: bool(inbox_a.frames and inbox_a.lost))
            await b.disconnect(A)
            assert (len(inbox_a.lost), len(inbox_b.lost)) == (2, 1)


async def test_a_full_queue_drops_and_frees_itself() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1", queue_frames=2), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        assert [a.send(B, b"x") for _ in range(3)] == [True, True, False]
        await turns(lambda: len(inbox.frames) == 2)
        assert a.send(B, b"y")


async def test_one_full_queue_does_not_stop_another_peer() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1", queue_frames=1), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        assert a.send(PeerAddress("c", 1), b"x")
        assert not a.send(PeerAddress("c", 1), b"x")
        assert a.send(B, b"x")
        await turns(lambda: len(inbox.frames) == 1)


async def test_a_frame_above_the_maximum_is_a_value_error() -> None:
    (_, opening_a), (inbox, opening_b) = endpoint("inproc://a:1"), endpoint("inproc://b:1")
    async with opening_a as a, opening_b:
        assert a.send(B, bytes(1 << 20))
        with pytest.raises(ValueError, match="a frame of 1048577 bytes; inproc takes at most 1048576"):
            a.send(B, bytes((1 << 20) + 1))
        await turns(lambda: len(inbox.frames) == 1)


async def test_port_0_is_any_free_one() -> None:
    openings = [endpoint("inproc://a:0")[1] for _ in range(3)]
    async with openings[0] as first, openings[1] as second:
        assert first.local.port != second.local.port
        assert 0 not in (first.local.port, second.local.port)
    async with openings[2] as third:
        assert third.local == first.local


async def test_an_address_is_taken_until_it_is_closed() -> None:
    for _ in range(2):
        async with endpoint("inproc://a:1")[1]:
            with pytest.raises(OSError, match="somebody listens at inproc://a:1 already"):
                async with endpoint("inproc://a:1")[1]:
                    pass


@pytest.mark.parametrize("url", ["inproc://a", "inproc://:1", "inproc://a:1/path", "inproc://a:x"])
async def test_a_wrong_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"not the address of an endpoint: .*; write inproc://name:port"):
        async with endpoint(url)[1]:
            pass


async def test_an_endpoint_may_send_to_itself() -> None:
    inbox, opening = endpoint("inproc://a:1")
    async with opening as a:
        a.send(A, b"note")
        await turns(lambda: bool(inbox.frames))
        assert inbox.frames == [(A, b"note")]
    assert inbox.lost == [(A, "this endpoint closed the connection")]


async def test_a_receiver_that_raises_loses_one_frame_and_no_more(loop_errors: list[str]) -> None:
    class Picky(Inbox):
        def frame_received(self, peer: PeerAddress, frame: bytes) -> None:
            if frame == b"bad":
                raise RuntimeError("cannot read it")
            super().frame_received(peer, frame)

    inbox = Picky()
    provider = PluginRegistry.discover().transport("inproc://b:1")
    async with (
        endpoint("inproc://a:1")[1] as a,
        provider.open("inproc://b:1", inbox, build_options(provider, {})),
    ):
        for frame in (b"good", b"bad", b"better"):
            a.send(B, frame)
        await turns(lambda: len(inbox.frames) == 2)
    assert inbox.frames == [(A, b"good"), (A, b"better")]
    assert len(loop_errors) == 1
    assert "cannot read it" in loop_errors[0]


def test_loops_do_not_see_each_others_endpoints() -> None:
    async def outer() -> list[tuple[PeerAddress, str]]:
        async with endpoint("inproc://b:1")[1]:
            return await asyncio.to_thread(asyncio.run, inner())

    async def inner() -> list[tuple[PeerAddress, str]]:
        inbox, opening = endpoint("inproc://a:1")
        async with opening as a, endpoint("inproc://a:0")[1]:
            a.send(B, b"hello?")
            await turns(lambda: bool(inbox.lost))
        return inbox.lost

    assert asyncio.run(outer()) == [(B, "nobody listens at inproc://b:1")]
