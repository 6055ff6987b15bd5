"""A transport as a stranger writes it from `docs/plugins.md` alone: sockets in a folder, one connection each way.

An endpoint dials a connection for what it sends, and reads those that others have dialed. A peer is there as long as
there is a connection to it or from it.
"""

import asyncio
import errno
import os
import secrets
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from casty.address import PeerAddress
from casty.member import NodeId
from casty.plugins import TransportProvider, hookimpl
from casty.spi.transport import FRAME_LIMITS, Endpoint, FrameReceiver, Lane, TransportCapabilities

from tests.plugins.stranger.handshake import Refused, answer, introduce, proof
from tests.plugins.stranger.link import HEADER, LANES, Link

CAPABILITIES: Final = TransportCapabilities(authenticates=True)


@dataclass(frozen=True, slots=True)
class UnixOptions:
    """The options of `unix://`."""

    folder: str
    """Where the sockets are."""
    queue_frames: int = 16_384
    queue_bytes: int = 16 << 20
    give_up_after: float = 10.0
    """Seconds without a connection after which what waits for a peer is dropped."""
    close_timeout: float = 2.0


class UnixTransport:
    """See `casty.spi.transport.Transport`."""

    def __init__(self, at: PeerAddress, receiver: FrameReceiver, endpoint: Endpoint, options: UnixOptions) -> None:
        self.at = at
        self.receiver = receiver
        self.endpoint = endpoint
        self.options = options
        self.links: dict[PeerAddress, Link] = {}
        self.ending: dict[PeerAddress, Link] = {}
        self.reading: dict[PeerAddress, asyncio.Task[None]] = {}
        self.serving: set[asyncio.Task[None]] = set()
        self.present: Counter[NodeId] = Counter()
        self.counts: Counter[str] = Counter()
        self.is_closed = False
        self.is_silent = False
        self._server: asyncio.Server | None = None

    @property
    def local(self) -> PeerAddress:
        return self.endpoint.advertised or self.at

    @property
    def node(self) -> NodeId:
        return NodeId(*self.local, self.endpoint.uid)

    @property
    def counters(self) -> Mapping[str, int]:
        return dict(self.counts)

    def path(self, address: PeerAddress) -> str:
        return str(Path(self.options.folder, f"{address.host}-{address.port}"))

    async def open(self) -> None:
        await self.take_address(self.path(self.at))
        self._server = await asyncio.start_unix_server(self._accept, self.path(self.at))

    async def take_address(self, path: str) -> None:
        """Remove the socket of a killed process; a socket with a listener stays."""
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(path)
        else:
            writer.close()
            raise OSError(errno.EADDRINUSE, f"an endpoint listens at {path} already")

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        self.check_size(frame, lane)
        if self.is_closed:
            return False
        if peer not in self.links:
            self.links[peer] = Link(self, peer, self.ending.get(peer))
        return self.links[peer].put(frame, lane)

    def check_size(self, frame: bytes, lane: Lane) -> None:
        if not 0 < len(frame) <= FRAME_LIMITS[lane]:
            raise ValueError(f"a frame of {len(frame)} bytes; 1 to {FRAME_LIMITS[lane]} are possible")

    async def disconnect(self, peer: PeerAddress) -> None:
        if link := self.links.pop(peer, None):
            self.ending[peer] = link
        if link := self.ending.get(peer):
            await link.finish()
            self.ending.pop(peer, None)
        if reading := self.reading.get(peer):
            reading.cancel()
            await asyncio.wait([reading])

    async def close(self) -> None:
        self.is_closed = True
        if self._server is not None:
            self._server.close()
            with suppress(FileNotFoundError):
                os.unlink(self.path(self.at))
        await asyncio.gather(*map(self.disconnect, {*self.links, *self.ending, *self.reading}))
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)
        self.is_silent = True

    def tell[*Told](self, callback: Callable[[*Told], object], *told: *Told) -> None:
        if self.is_silent:
            return
        try:
            callback(*told)
        except Exception as error:
            context = {"message": f"a receiver at {self.node} raised", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)

    def arrive(self, node: NodeId) -> None:
        """One more connection with that incarnation."""
        for older in [known for known in self.present if known.address == node.address and known != node]:
            del self.present[older]
            self.tell(self.receiver.peer_lost, older, "another incarnation is there")
        self.present[node] += 1
        if self.present[node] == 1:
            self.tell(self.receiver.peer_connected, node)

    def depart(self, node: NodeId) -> None:
        if node in self.present:
            self.present[node] -= 1
            if not self.present[node]:
                del self.present[node]
                self.tell(self.receiver.peer_lost, node, "no connection is left")

    def proof(self, cookie: bytes, nonces: bytes, prover: str) -> str:
        return proof(cookie, nonces, prover)

    def refusal(self, cluster: str) -> str | None:
        return None if cluster == self.endpoint.cluster else f"it is of the cluster {cluster!r}"

    def shared(self, given: str, nonces: bytes, prover: str) -> bytes | None:
        """The cookie of ours by which the other side has proved itself."""
        if not self.endpoint.cookies:
            return None if given else b""
        expected = ((cookie, self.proof(cookie, nonces, prover)) for cookie in self.endpoint.cookies)
        return next((cookie for cookie, right in expected if secrets.compare_digest(right, given)), None)

    def limit(self, lane: Lane) -> int:
        return FRAME_LIMITS[lane]

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                peer = await answer(self, reader, writer)
            earlier = self.reading.get(peer.address)
            if earlier is not None:  # no process writes to its other end any more: its remaining bytes come first
                await asyncio.wait([earlier], timeout=1)
                earlier.cancel()
            task = self.reading[peer.address] = asyncio.ensure_future(self._read(peer, reader))
            try:
                await asyncio.wait([task])
            finally:
                task.cancel()
                if self.reading[peer.address] is task:
                    del self.reading[peer.address]
        except Refused as error:
            self.counts[str(error)] += 1
        except (OSError, EOFError, ValueError, TimeoutError):
            self.counts["no handshake"] += 1
        finally:
            writer.close()

    async def _read(self, peer: NodeId, reader: StreamReader) -> None:
        self.arrive(peer)
        try:
            with suppress(EOFError, OSError):
                while True:
                    header: tuple[int, int] = HEADER.unpack(await reader.readexactly(HEADER.size))
                    number, size = header
                    if size > self.limit(LANES[number % len(LANES)]):
                        self.counts["too large"] += 1
                        return
                    frame = await reader.readexactly(size)
                    if peer in self.present:
                        self.tell(self.receiver.frame_received, peer, frame)
        finally:
            self.depart(peer)

    async def dial(self, peer: PeerAddress) -> tuple[NodeId, StreamReader, StreamWriter]:
        """A connection whose other side has proved itself."""
        reader, writer = await asyncio.open_unix_connection(self.path(peer))
        try:
            async with asyncio.timeout(5):
                return await introduce(self, reader, writer), reader, writer
        except BaseException:
            writer.close()
            raise


def address_of(url: str, options: UnixOptions) -> PeerAddress:
    parts = urlsplit(url)
    host, port = parts.hostname or "node", parts.port or 0
    free = (p for p in count(1) if not Path(options.folder, f"{host}-{p}").exists())
    return PeerAddress(host, port or next(free))


@asynccontextmanager
async def opened(transport: UnixTransport) -> AsyncGenerator[UnixTransport]:
    await transport.open()
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def open_unix(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: UnixOptions
) -> AsyncGenerator[UnixTransport]:
    async with opened(UnixTransport(address_of(url, options), receiver, endpoint, options)) as transport:
        yield transport


@hookimpl
def casty_transports() -> list[TransportProvider[UnixOptions]]:
    return [TransportProvider(names=("unix",), open=open_unix, capabilities=CAPABILITIES, options=UnixOptions)]
