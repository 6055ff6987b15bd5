"""X1: whatever arrives, the connection is closed with a reason that is counted, and no other peer is affected."""

import asyncio
import logging
import os
from random import Random
from struct import pack

import pytest
from casty.member import NodeId
from casty.spi.transport import FRAME_LIMITS, Lane
from casty.testing.conformance.transport.nodes import CLUSTER, Node
from casty_transport_tcp.framing import Kind, data_header, encoded
from casty_transport_tcp.handshake import MAGIC, MAX_BODY, Dialing, Identity
from casty_transport_tcp.reasons import Reason

from tests.transport_tcp.strangers import Stranger, opened

PEER = NodeId("127.0.0.1", 9, 77)
COOKIE = b"a cookie that must not be shown!"
HELLO = encoded(Kind.hello, Dialing(Identity(CLUSTER, PEER, (COOKIE,)), Lane.user, bytes(32)).hello)
CLIENT = Dialing(Identity(CLUSTER, NodeId("reports", 0, 77), (COOKIE,)), Lane.user, bytes(32)).hello

BEFORE_THE_HANDSHAKE = {
    "zero length": (pack("!IBBB", 0, 1, Kind.hello, 0), Reason.garbage),
    "4 GiB": (pack("!IBBB", 2**32 - 1, 1, Kind.hello, 0), Reason.too_large),
    "more than a stranger may send": (encoded(Kind.hello, bytes(MAX_BODY + 1)), Reason.too_large),
    "unknown kind": (encoded(Kind.hello, b"x").replace(b"\1\1\0x", b"\1\x63\0x"), Reason.garbage),
    "another version of frames": (encoded(Kind.hello, b"x").replace(b"\1\1\0x", b"\2\1\0x"), Reason.garbage),
    "flags": (encoded(Kind.hello, b"x").replace(b"\1\1\0x", b"\1\1\1x"), Reason.garbage),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Reason.garbage),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), Reason.garbage),
    "noise": (Random(7).randbytes(1_000), Reason.garbage),
    "hello of something else": (encoded(Kind.hello, b"HELLO" * 20), Reason.stranger),
    "hello that is cut off": (encoded(Kind.hello, HELLO[7:-3]), Reason.stranger),
    "hello with something behind it": (encoded(Kind.hello, HELLO[7:] + b"!"), Reason.stranger),
    "hello with a field that is cut off": (encoded(Kind.hello, HELLO[7:] + b"\x63\0\2x"), Reason.stranger),
    "hello with a field twice": (encoded(Kind.hello, HELLO[7:] + b"\x63\0\0" * 2), Reason.stranger),
    "hello of no role": (encoded(Kind.hello, HELLO[7:] + b"\1\0\1\7"), Reason.stranger),
    "hello of a client with a node's address": (encoded(Kind.hello, HELLO[7:] + b"\1\0\1\1"), Reason.stranger),
    "hello of a client where none is accepted": (encoded(Kind.hello, CLIENT), Reason.no_clients),
    "hello of versions in the wrong order": (encoded(Kind.hello, MAGIC + b"\2\1" + HELLO[15:]), Reason.stranger),
    "hello in no UTF-8": (encoded(Kind.hello, HELLO[7:-2] + b"\xff\xff"), Reason.stranger),
    "hello of another version": (encoded(Kind.hello, MAGIC + b"\7\7" + HELLO[15:]), Reason.wrong_version),
    "hello to another cluster": (encoded(Kind.hello, HELLO[7:-2] + b"zz"), Reason.wrong_cluster),
    "a user's frame": (data_header(5) + b"hello", Reason.out_of_turn),
    "a ping": (encoded(Kind.ping), Reason.out_of_turn),
    "a proof of nothing": (encoded(Kind.proof, bytes(32)), Reason.out_of_turn),
    "a welcome": (encoded(Kind.welcome, bytes(32)), Reason.out_of_turn),
    "hello twice": (HELLO + HELLO, Reason.out_of_turn),
    "hello and a wrong proof": (HELLO + encoded(Kind.proof, bytes(32)), Reason.wrong_cookie),
    "hello and a frame": (HELLO + data_header(5) + b"hello", Reason.out_of_turn),
}

AFTER_THE_HANDSHAKE = {
    "zero length": (pack("!IBBB", 0, 1, Kind.data, 0), Reason.garbage),
    "empty frame": (pack("!IBBB", 3, 1, Kind.data, 0), Reason.garbage),
    "4 GiB": (pack("!IBBB", 2**32 - 1, 1, Kind.data, 0), Reason.too_large),
    "more than the limit": (data_header(FRAME_LIMITS[Lane.user] + 1), Reason.too_large),
    "unknown kind with flags": (pack("!IBBB", 5, 1, 200, 1) + b"xx", Reason.garbage),
    "unknown kind that is too large": (pack("!IBBB", FRAME_LIMITS[Lane.user] + 4, 1, 200, 0), Reason.too_large),
    "noise": (Random(8).randbytes(100_000), Reason.garbage),
    "the handshake again": (HELLO, Reason.out_of_turn),
}


async def expect_unharmed(a: Node, b: Node) -> None:
    """Those who were connected still are, and exchange frames."""
    before = len(b.inbox.frames)
    await a.send(b.address, [b"still there?"])
    await b.inbox.until_received(before + 1)
    assert (a.inbox.lost, b.inbox.lost) == ([], [])


@pytest.mark.parametrize(("octets", "reason"), BEFORE_THE_HANDSHAKE.values(), ids=BEFORE_THE_HANDSHAKE)
async def test_a_rejected_stranger_gets_the_reason_and_is_counted(
    octets: bytes, reason: Reason, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened(cookies=(COOKIE,)) as a, opened(cookies=(COOKIE,)) as b, Stranger.at(a.address) as stranger:
        await a.meet(b)
        stranger.write(octets)
        assert await stranger.verdict() in (reason, None)  # the endpoint resets a connection with unread input
        await expect_unharmed(b, a)
        assert a.transport.counters == {reason.slug: 1}
        assert a.inbox.connected == [b.id]
    assert COOKIE.decode() not in caplog.text


async def test_the_reason_reaches_a_peer_that_has_sent_nothing_more() -> None:
    async with opened() as a, Stranger.at(a.address) as stranger:
        stranger.write(encoded(Kind.hello, HELLO[7:-2] + b"zz"))
        assert await stranger.verdict() is Reason.wrong_cluster


@pytest.mark.parametrize(("octets", "reason"), AFTER_THE_HANDSHAKE.values(), ids=AFTER_THE_HANDSHAKE)
async def test_a_peer_that_talks_nonsense_is_lost_once_with_the_reason(octets: bytes, reason: Reason) -> None:
    async with opened() as a, opened() as b, Stranger.at(a.address) as stranger:
        await a.meet(b)
        await stranger.introduce(PEER)
        stranger.write(data_header(5) + b"right" + octets)
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the peer that sends nonsense")
        assert a.inbox.lost == [PEER]
        assert a.inbox.frames == [(PEER, b"right")]
        assert a.transport.counters == {reason.slug: 1}
        a.inbox.lost.clear()
        await expect_unharmed(b, a)


async def test_a_control_frame_above_the_control_limit_ends_the_connection() -> None:
    async with opened() as a, Stranger.at(a.address) as stranger:
        await stranger.introduce(PEER, lane=Lane.control)
        stranger.write(data_header(FRAME_LIMITS[Lane.control] + 1))
        assert await stranger.verdict() is Reason.too_large
        assert a.inbox.lost == [PEER]


@pytest.mark.parametrize("written", [b"", data_header(100), data_header(100) + bytes(50), data_header(1)[:3]])
async def test_a_connection_that_ends_is_lost_once_wherever_it_was(written: bytes) -> None:
    """B2: also between two frames, and in the middle of a header."""
    async with opened() as a, Stranger.at(a.address) as stranger:
        await stranger.introduce(PEER)
        stranger.write(data_header(1) + b"x" + written)
        stranger.end()
        await a.inbox.until(lambda: bool(a.inbox.lost), "the loss of the peer that was cut off")
        assert a.inbox.lost == [PEER]
        assert a.transport.counters == {("truncated" if written else "broken"): 1}


async def test_a_replayed_handshake_is_rejected() -> None:
    async with opened(cookies=(COOKIE,)) as a:
        async with Stranger.at(a.address) as heard:
            await heard.introduce(PEER, cookies=(COOKIE,))
        async with Stranger.at(a.address) as replaying:
            replaying.write(heard.written)
            assert await replaying.verdict() in (Reason.wrong_cookie, None)
        await a.inbox.until(lambda: a.inbox.lost == [PEER], "the loss of the first")
        assert a.inbox.connected == [PEER]
        assert a.transport.counters["wrong-cookie"] == 1


async def test_a_reflected_challenge_is_rejected() -> None:
    """A stranger lets the endpoint answer its own challenge, in a second connection."""
    async with (
        opened(cookies=(COOKIE,)) as a,
        Stranger.at(a.address) as first,
        Stranger.at(a.address) as second,
    ):
        hello = Dialing(Identity(CLUSTER, PEER, ()), Lane.user, bytes(32)).hello
        first.write(encoded(Kind.hello, hello))
        _, challenge = await first.frame()
        second.write(encoded(Kind.challenge, challenge))
        assert await second.verdict() is Reason.out_of_turn
        first.write(encoded(Kind.proof, challenge[-32:]))
        assert await first.verdict() is Reason.wrong_cookie
        assert a.inbox.connected == []


async def test_mutated_frames_do_no_harm() -> None:
    """`CASTY_FUZZ` says how many connections; each breaks off somewhere in a handshake or in frames behind it."""
    rounds, random = int(os.environ.get("CASTY_FUZZ", "300")), Random(11)
    async with opened() as a, opened() as b:
        await a.meet(b)
        for number in range(rounds):
            octets = bytearray()
            async with Stranger.at(a.address) as stranger:
                if number % 2:
                    await stranger.introduce(NodeId("127.0.0.1", 9, number + 1))
                else:
                    octets += HELLO
                for _ in range(random.randrange(1, 5)):
                    body = random.randbytes(random.randrange(1, 200))
                    octets += data_header(len(body)) + body
                for _ in range(random.randrange(1, 4)):
                    octets[random.randrange(len(octets))] = random.randrange(256)
                stranger.write(bytes(octets[: random.randrange(1, len(octets) + 1)]))
                await asyncio.sleep(0)
        connected = rounds // 2 + 1
        await a.inbox.until(lambda: len(a.inbox.lost) == connected - 1, "the loss of all strangers")
        assert len(a.inbox.connected) == connected
        assert b.id not in a.inbox.lost
        a.inbox.lost.clear()
        await expect_unharmed(b, a)
