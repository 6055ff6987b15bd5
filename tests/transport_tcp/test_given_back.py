"""A connection gives its memory back when it ends, and not only when the garbage collector runs: a flood is faster.

asyncio's own socket transport below TLS is not counted: where it is aborted, it keeps a reference to itself, without
its buffers.
"""

import asyncio
import gc
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from casty.member import NodeId
from casty.spi.transport import PeerAddress
from casty.testing.conformance.transport.nodes import Node
from casty.tls import Config
from casty_transport_tcp import transport
from casty_transport_tcp.framing import Kind, encoded
from trustme import CA

from tests.transport_tcp.certificates import written
from tests.transport_tcp.strangers import Stranger, opened, until

COUNTED = ("Connection", "Accepting", "Dialing", "Link", "Ending", "SSLProtocol", "_SSLProtocolTransport", "SSLObject")
ROUNDS = 3
TLS = "tls://127.0.0.1:0"
HALF_A_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01"

type Visit = Callable[[PeerAddress], Awaitable[None]]


@pytest.fixture(autouse=True)
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def says(octets: bytes) -> Visit:
    """Connects, says that, and waits for the end."""

    async def visit(address: PeerAddress) -> None:
        async with Stranger.at(address) as stranger:
            stranger.write(octets)
            await stranger.verdict()

    return visit


async def cut(address: PeerAddress) -> None:
    async with Stranger.at(address):
        pass


async def introduced(address: PeerAddress) -> None:
    async with Stranger.at(address) as stranger:
        await stranger.introduce(NodeId("127.0.0.1", 9, 77))


async def without_certificate(address: PeerAddress) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError):  # in the handshake, or with the first bytes after it
        _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
        writer.write(b"let me in")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "visit",
    [says(b"GET / HTTP/1.1\r\n\r\n"), says(encoded(Kind.hello, bytes(100))), says(b""), cut, introduced],
    ids=["no frame", "no hello", "nothing", "cut", "a peer"],
)
async def test_a_plain_connection_leaves_nothing_behind(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "HANDSHAKE_SECONDS", 0.1)
    async with opened() as node:
        await expect_all_given_back(node, visit)


@pytest.mark.parametrize(
    "visit",
    [says(encoded(Kind.hello, bytes(100))), says(HALF_A_CLIENT_HELLO), says(b""), cut, without_certificate],
    ids=["no TLS", "half a ClientHello", "nothing", "cut", "no certificate"],
)
async def test_a_failed_tls_handshake_leaves_nothing_behind(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "HANDSHAKE_SECONDS", 0.5)
    async with opened(TLS, tls=written(tmp_path, authority=CA()).config) as node:
        await expect_all_given_back(node, visit)


async def test_peers_over_tls_leave_nothing_behind(tmp_path: Path) -> None:
    config = written(tmp_path, authority=CA()).config
    async with opened(TLS, tls=config) as node:
        await expect_all_given_back(node, dialing(node, config))


async def test_peers_that_are_not_accepted_leave_nothing_behind_on_either_side(tmp_path: Path) -> None:
    config = written(tmp_path / "node", authority=CA()).config
    stranger = written(tmp_path / "stranger", authority=CA()).config
    async with opened(TLS, tls=config) as node:
        await expect_all_given_back(node, dialing_in_vain(stranger))


def dialing(node: Node, tls: Config) -> Visit:
    async def visit(address: PeerAddress) -> None:
        async with opened(TLS, tls=tls) as other:
            await other.send(address, [b"hello"])
            await node.inbox.until_received(1)
            node.inbox.frames.clear()

    return visit


def dialing_in_vain(tls: Config) -> Visit:
    async def visit(address: PeerAddress) -> None:
        async with opened(TLS, tls=tls) as other:
            await other.send(address, [b"hello"])
            await until(lambda: other.transport.counters.get("tls", 0) > 0, "a refusal")

    return visit


async def expect_all_given_back(node: Node, visit: Visit) -> None:
    before = alive()
    ended = sum(node.transport.counters.values())
    for _ in range(ROUNDS):
        await visit(node.address)
    await until(lambda: sum(node.transport.counters.values()) >= ended + ROUNDS, "the ends of all")
    await until(lambda: alive() <= before, "the end of everything that belongs to them")


def alive() -> Counter[str]:
    # What was there before the test has become old with the fixture's collection: hundreds of thousands of objects.
    names = (type(thing).__name__ for thing in gc.get_objects(generation=0))
    return Counter(name for name in names if name in COUNTED)
