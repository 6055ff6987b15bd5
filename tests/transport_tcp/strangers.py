"""Peers of an endpoint: nodes as they should be, and connections of which a test writes every byte."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from secrets import token_bytes
from typing import Final, Self, cast

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import FIRST_VERSION, Endpoint, Lane, Versions
from casty.testing.conformance.transport.nodes import CLUSTER, Inbox, Node, patience
from casty.tls import Config
from casty_transport_tcp.framing import FrameReader, Kind, encoded
from casty_transport_tcp.handshake import Dialing, Identity, Peer
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.reasons import Reason
from casty_transport_tcp.transport import open_endpoint

LIMIT: Final = 1 << 20
USUAL: Final = TcpOptions()
QUICK: Final = TcpOptions(give_up_after=1.0)
"""For what comes to nothing."""

_uids: Final = count(1_000_000)


@asynccontextmanager
async def opened(
    url: str = "tcp://127.0.0.1:0",
    options: TcpOptions = USUAL,
    *,
    cookies: tuple[bytes, ...] = (),
    tls: Config | None = None,
    advertised: PeerAddress | None = None,
    inbox: Inbox | None = None,
    clients: Inbox | None = None,
    client: str | None = None,
    address_map: Mapping[PeerAddress, PeerAddress] | None = None,
    versions: Versions = FIRST_VERSION,
) -> AsyncGenerator[Node]:
    """A node of the cluster that all of these tests are about, or a client of it."""
    told, uid = inbox or Inbox(), next(_uids)
    endpoint = Endpoint(
        cluster=CLUSTER,
        uid=uid,
        cookies=cookies,
        tls=tls,
        advertised=advertised,
        clients=clients,
        client=client,
        address_map=address_map or {},
        versions=versions,
    )
    async with open_endpoint(url, told, endpoint, options) as transport:
        yield Node(transport, told, uid)
    told.expect_no_faults()


async def until(wanted: Callable[[], bool], what: str) -> None:
    """Wait for a change that is not reported, such as that of a counter."""
    async with patience(lambda: what):
        while not wanted():  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0.001)


class Stranger:
    """A connection to an endpoint that says whatever a test likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader(LIMIT)
        self._read: list[tuple[int, bytes]] = []
        self.written = b""

    @classmethod
    @asynccontextmanager
    async def at(cls, address: PeerAddress) -> AsyncGenerator[Self]:
        stranger = cls(*await asyncio.open_connection(address.host, address.port))
        try:
            yield stranger
        finally:
            stranger.cut()
            await stranger.gone()

    def write(self, octets: bytes) -> None:
        self.written += octets
        self._writer.write(octets)

    def is_reading(self, yes: bool) -> None:
        """Whether what arrives is taken from the system."""
        transport = cast(asyncio.Transport, self._writer.transport)
        (transport.resume_reading if yes else transport.pause_reading)()

    async def introduce(
        self,
        node: NodeId,
        *,
        cluster: str = CLUSTER,
        cookies: tuple[bytes, ...] = (),
        lane: Lane = Lane.user,
        versions: Versions = FIRST_VERSION,
        fields: bytes = b"",
    ) -> Peer:
        """Complete the handshake, as a node of the cluster or a client would; `fields` are added to Hello."""
        dialing = Dialing(Identity(cluster, node, cookies, versions=versions), lane, token_bytes(32))
        dialing.hello += fields
        self.write(encoded(Kind.hello, dialing.hello))
        peer = None
        while peer is None:
            step = dialing.received(*await self.frame())
            peer = step.peer
            if step.kind is not None:
                self.write(encoded(step.kind, step.body))
        return peer

    async def frame(self) -> tuple[int, bytes]:
        """The next frame. Raises ConnectionError where there will be none."""
        async with patience(lambda: "a frame for a stranger"):
            while not self._read:
                octets = await self._reader.read(1 << 16)
                if not octets:
                    raise ConnectionResetError("no frame will come")
                self._read.extend(self._frames.feed(octets))
        return self._read.pop(0)

    async def verdict(self) -> Reason | None:
        """Why the endpoint has closed the connection; None if it did not say so."""
        try:
            while True:
                kind, body = await self.frame()
                if kind == Kind.close:
                    return Reason(body[0])
        except ConnectionError:
            return None

    def end(self) -> None:
        """Say that nothing more will come."""
        self._writer.write_eof()

    def cut(self) -> None:
        """With no word."""
        self._writer.transport.abort()

    async def gone(self) -> None:
        with suppress(ConnectionError):  # expected: a test has cut the connection
            await self._writer.wait_closed()
