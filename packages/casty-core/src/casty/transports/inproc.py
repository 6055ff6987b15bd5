"""Frames between endpoints of one event loop, at `inproc://name:port`, with port 0 for any free one.

It behaves as a network does where that matters: a frame arrives in a later turn of the loop, queues are
bounded, and frames to nobody are lost and reported.
"""

import asyncio
import errno
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final, final

from casty.plugins.providers import TransportProvider
from casty.spi.transport import FrameReceiver, PeerAddress

MAX_FRAME_BYTES: Final = 1 << 20
_FIRST_FREE_PORT: Final = 49152
_URL: Final = re.compile(r"inproc://(?P<name>[^:/?#]+):(?P<port>[0-9]+)/?")

_endpoints: dict[tuple[asyncio.AbstractEventLoop, PeerAddress], "InprocTransport"] = {}
"""Who listens where, from its opening to its closing. Endpoints of different loops do not see each other."""


@dataclass(frozen=True, slots=True)
class InprocOptions:
    """The options of `inproc://`."""

    queue_frames: int = 1024
    """How many frames may be on their way to one peer."""


@final
class InprocTransport:
    """One endpoint; see `casty.spi.transport.Transport`. Made by the provider's `open`."""

    def __init__(self, local: PeerAddress, receiver: FrameReceiver, queue_frames: int) -> None:
        self.receiver = receiver
        self.loop = asyncio.get_running_loop()
        self.links: dict[PeerAddress, _Link] = {}
        self._local = local
        self._queue_frames = queue_frames
        self._closed = False

    @property
    def local(self) -> PeerAddress:
        return self._local

    def send(self, peer: PeerAddress, frame: bytes) -> bool:
        """See the contract. A closed endpoint drops every frame."""
        if len(frame) > MAX_FRAME_BYTES:
            raise ValueError(f"a frame of {len(frame)} bytes; inproc takes at most {MAX_FRAME_BYTES}")
        if self._closed:
            return False
        link = self.links.get(peer) or self._connect(peer)
        if link.queued >= self._queue_frames:
            return False
        link.send(frame)
        return True

    async def disconnect(self, peer: PeerAddress) -> None:
        link = self.links.get(peer)
        if link is not None:
            await self._shut([link])

    async def close(self) -> None:
        """Stop listening, send what is queued, close every connection. No callback comes after it."""
        self._closed = True
        del _endpoints[self.loop, self._local]
        await self._shut(list(self.links.values()))

    async def _shut(self, links: list["_Link"]) -> None:
        try:
            await asyncio.sleep(0)  # the turn in which what is queued arrives
        finally:
            for link in links:
                link.close("this endpoint closed the connection")
        await asyncio.sleep(0)  # the turn in which both sides are told

    def _connect(self, peer: PeerAddress) -> "_Link":
        link = self.links[peer] = _Link(self, peer)
        other = _endpoints.get((self.loop, peer))
        if other is None:
            self.loop.call_soon(link.close, f"nobody listens at inproc://{peer.host}:{peer.port}")
        else:
            link.far = link if other is self else _Link(other, self._local)
            link.far.far = link
            other.links[self._local] = link.far
        return link


@final
class _Link:
    """One endpoint's half of a connection; without the far half it leads nowhere."""

    def __init__(self, owner: InprocTransport, peer: PeerAddress) -> None:
        self.far: _Link | None = None
        self.queued = 0
        self._owner = owner
        self._peer = peer
        self._is_open = True

    def send(self, frame: bytes) -> None:
        self.queued += 1
        self._owner.loop.call_soon(self._deliver, frame)

    def _deliver(self, frame: bytes) -> None:
        self.queued -= 1
        if self.far is not None:
            self.far._owner.receiver.frame_received(self.far._peer, frame)

    def close(self, reason: str) -> None:
        """Both halves at once, whichever side begins; each owner is told once."""
        if not self._is_open:
            return
        self._is_open = False
        # After a failed attempt the peer may have opened a connection of its own in this one's place.
        if self._owner.links.get(self._peer) is self:
            del self._owner.links[self._peer]
        self._owner.loop.call_soon(self._owner.receiver.peer_lost, self._peer, reason)
        if self.far is not None:
            self.far.close("the peer closed the connection")


@asynccontextmanager
async def open_inproc(url: str, receiver: FrameReceiver, options: InprocOptions) -> AsyncGenerator[InprocTransport]:
    """Listens at the URL's address. Raises ValueError for a wrong URL, OSError where one listens already."""
    loop = asyncio.get_running_loop()
    wanted = _address(url)
    local = wanted if wanted.port else _free(loop, wanted.host)
    if (loop, local) in _endpoints:
        raise OSError(errno.EADDRINUSE, f"somebody listens at inproc://{local.host}:{local.port} already")
    transport = InprocTransport(local, receiver, options.queue_frames)
    _endpoints[loop, local] = transport
    try:
        yield transport
    finally:
        await transport.close()


def _address(url: str) -> PeerAddress:
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"not the address of an endpoint: {url!r}; write inproc://name:port, port 0 for any free one")
    return PeerAddress(match["name"], int(match["port"]))


def _free(loop: asyncio.AbstractEventLoop, host: str) -> PeerAddress:
    addresses = (PeerAddress(host, port) for port in count(_FIRST_FREE_PORT))
    return next(address for address in addresses if (loop, address) not in _endpoints)


PROVIDER: Final = TransportProvider(names=("inproc",), open=open_inproc, options=InprocOptions)
