"""Frames between endpoints of one event loop, at `inproc://name:port`, with port 0 for any free one.

It behaves as a network does where that matters: a frame arrives in a later turn of the loop, queues are bounded,
strangers are rejected, and frames to an address without an endpoint are lost and reported. It does not retry: an
endpoint that listens is reachable at once. The address that an endpoint advertises is where it listens, and nothing is
encrypted, as nothing leaves the process. A client can be sent to over the connections that it has made.
"""

import asyncio
import errno
import hmac
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final, final

from casty.address import PeerAddress
from casty.errors import ConfigError
from casty.member import NodeId
from casty.plugins.providers import TransportProvider
from casty.spi.transport import FRAME_LIMITS, ConnectFailure, Endpoint, FrameReceiver, Lane, TransportCapabilities

AT_ONCE: Final = {Lane.control: 8 << 10, Lane.user: 64 << 10}
"""Bytes from which on the frames of a lane wait for the next turn of the loop, as those of one read of a socket do."""
_FIRST_FREE_PORT: Final = 49152
_URL: Final = re.compile(r"inproc://(?P<name>[^:/?#]+):(?P<port>[0-9]+)/?")

_endpoints: dict[tuple[asyncio.AbstractEventLoop, PeerAddress], "InprocTransport"] = {}
"""The endpoints by address, from their opening to their closing. Endpoints of different loops do not see each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InprocOptions:
    """The options of `inproc://`."""

    queue_frames: int = 16_384
    """How many frames may be on their way to one peer, on each lane."""
    queue_bytes: int = 16 << 20


@final
class InprocTransport:
    """One endpoint; see `casty.spi.transport.Transport`. Made by the provider's `open`."""

    def __init__(self, local: PeerAddress, receiver: FrameReceiver, endpoint: Endpoint, options: InprocOptions) -> None:
        self.receiver = receiver
        self.endpoint = endpoint
        self.options = options
        self.loop = asyncio.get_running_loop()
        self.node = NodeId(*local, endpoint.uid)
        self.links: dict[PeerAddress, _Link] = {}
        self.counts: Counter[str] = Counter()
        self._closed = False

    @property
    def local(self) -> PeerAddress:
        return self.node.address

    @property
    def counters(self) -> Mapping[str, int]:
        return dict(self.counts)

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        """See the contract. A closed endpoint drops every frame."""
        if not 0 < len(frame) <= FRAME_LIMITS[lane]:
            raise ValueError(
                f"a frame of {len(frame)} bytes; the {lane.value} lane of inproc takes 1 to {FRAME_LIMITS[lane]}"
            )
        if self._closed:
            return False
        link = self.links.get(peer)
        if link is None:
            link = self.links[peer] = _Link(self, peer)
        return link.send(frame, lane)

    async def disconnect(self, peer: PeerAddress) -> None:
        link = self.links.get(peer)
        if link is not None:
            await self._shut([link])

    async def close(self) -> None:
        """Stop listening, send what is queued, close every connection. No callback comes after it."""
        self._closed = True
        _endpoints.pop((self.loop, self.local), None)  # a client is not among them
        await self._shut(list(self.links.values()))

    def receiver_of(self, peer: PeerAddress) -> FrameReceiver:
        """What takes the frames of that peer, and what concerns it."""
        return self.endpoint.clients if peer.is_client and self.endpoint.clients is not None else self.receiver

    def tell[*Told](self, callback: Callable[[*Told], None], *told: *Told) -> None:
        """Call the receiver: what it raises, and must not, is the loop's to report."""
        try:
            callback(*told)
        except Exception as error:
            self.loop.call_exception_handler({"message": f"a receiver at {self.node} raised", "exception": error})

    async def _shut(self, links: list["_Link"]) -> None:
        try:
            # What is queued arrives first. Each turn carries a frame of each lane at least.
            for _ in range(max((link.queued for link in links), default=0)):
                await asyncio.sleep(0)
                if not any(link.queued for link in links):
                    break
        finally:
            for link in links:
                link.close("this endpoint closed the connection")


@final
class _Link:
    """One endpoint's half of a connection; without the far half it leads nowhere yet."""

    def __init__(self, owner: InprocTransport, peer: PeerAddress) -> None:
        self._owner = owner
        self._peer = peer
        self._far: _Link | None = None
        self._queues: dict[Lane, deque[bytes]] = {Lane.control: deque(), Lane.user: deque()}
        self._bytes = dict.fromkeys(Lane, 0)
        self._armed = False
        self._receiver = owner.receiver_of(peer)

    def send(self, frame: bytes, lane: Lane) -> bool:
        queue, size = self._queues[lane], self._bytes[lane] + len(frame)
        if len(queue) >= self._owner.options.queue_frames or size > self._owner.options.queue_bytes:
            return False
        queue.append(frame)
        self._bytes[lane] = size
        self._arm()
        return True

    @property
    def queued(self) -> int:
        """Frames that have not arrived yet."""
        return sum(map(len, self._queues.values()))

    def close(self, reason: str, counter: str = "closed") -> None:
        """Close both halves, whichever side begins; each owner is notified once, after the frames that are not
        delivered.
        """
        if self._owner.links.get(self._peer) is not self:
            return
        del self._owner.links[self._peer]
        far, self._far = self._far, None
        self._owner.counts[counter] += 1
        frames = [self._next(lane) for lane, queue in self._queues.items() for _ in range(len(queue))]
        if frames:
            self._owner.tell(self._receiver.frames_dropped, self._peer, frames, reason)
        if far is not None:
            self._owner.tell(self._receiver.peer_lost, far._owner.node, reason)
            far.close("the peer closed the connection")

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._owner.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Some of what was sent before this turn arrives, the control lane's first."""
        self._armed = False
        if self._owner.links.get(self._peer) is not self or (self._far is None and not self._connect()):
            return
        for lane, limit in AT_ONCE.items():
            self._carry(lane, limit)
        if self.queued:
            self._arm()

    def _carry(self, lane: Lane, limit: int) -> None:
        carried, sent = 0, len(self._queues[lane])
        while sent and carried < limit and self._far is not None:  # a frame may make its receiver close the connection
            frame, there = self._next(lane), self._far._owner
            sent, carried = sent - 1, carried + len(frame)
            there.tell(self._far._receiver.frame_received, self._owner.node, frame)

    def _next(self, lane: Lane) -> bytes:
        frame = self._queues[lane].popleft()
        self._bytes[lane] -= len(frame)
        return frame

    def _fail(self, failure: ConnectFailure, reason: str, counter: str) -> None:
        self.close(reason, counter)
        self._owner.tell(self._receiver.connect_failed, self._peer, failure, reason)

    def _connect(self) -> bool:
        if self._peer.is_client:
            self.close(f"the client {self._peer.host} is not connected to this node")
            return False
        owner = self._owner.endpoint
        there = _endpoints.get((self._owner.loop, owner.address_map.get(self._peer, self._peer)))
        if there is None:
            self._fail(ConnectFailure.refused, f"no endpoint listens at inproc://{self._peer}", "no-endpoint")
            return False
        if (refusal := _refusal(owner, there.endpoint)) is not None:
            reason, counter = refusal
            there.counts[counter] += 1
            self._fail(ConnectFailure.rejected, reason, counter)
            return False
        far = self if there is self._owner else there.links.get(self._owner.local)
        if far is None:
            far = there.links[self._owner.local] = _Link(there, self._owner.local)
        self._far, far._far = far, self
        there.tell(far._receiver.peer_connected, self._owner.node)
        if there is not self._owner:
            self._owner.tell(self._receiver.peer_connected, there.node)
        return True


def _refusal(caller: Endpoint, called: Endpoint) -> tuple[str, str] | None:
    """Why one endpoint rejects the other: as a sentence, and as the name of its counter."""
    if caller.cluster != called.cluster:
        return f"one is of the cluster {caller.cluster!r}, the other of {called.cluster!r}", "wrong-cluster"
    if caller.client is not None and called.clients is None:
        return "the node accepts no clients", "no-clients"
    if not caller.cookies and not called.cookies:
        return None
    shared = [cookie for cookie in called.cookies for used in caller.cookies[:1] if hmac.compare_digest(cookie, used)]
    return None if shared else ("the two nodes share no cookie", "wrong-cookie")


@asynccontextmanager
async def open_inproc(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: InprocOptions
) -> AsyncGenerator[InprocTransport]:
    """Listens at the URL's address, unless it is a client's. Raises `ConfigError` for a wrong URL, OSError where one
    listens already.
    """
    loop = asyncio.get_running_loop()
    local = _listening_at(loop, url) if endpoint.client is None else PeerAddress(endpoint.client, 0)
    transport = InprocTransport(local, receiver, endpoint, options)
    if not local.is_client:
        _endpoints[loop, local] = transport
    try:
        yield transport
    finally:
        await transport.close()


def _listening_at(loop: asyncio.AbstractEventLoop, url: str) -> PeerAddress:
    wanted = _address(url)
    local = wanted if wanted.port else _free(loop, wanted.host)
    if (loop, local) in _endpoints:
        raise OSError(errno.EADDRINUSE, f"an endpoint listens at inproc://{local} already")
    return local


def _address(url: str) -> PeerAddress:
    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigError(f"not the address of an endpoint: {url!r}; write inproc://name:port, port 0 for any free one")
    return PeerAddress(match["name"], int(match["port"]))


def _free(loop: asyncio.AbstractEventLoop, host: str) -> PeerAddress:
    addresses = (PeerAddress(host, port) for port in count(_FIRST_FREE_PORT))
    return next(address for address in addresses if (loop, address) not in _endpoints)


PROVIDER: Final = TransportProvider(
    names=("inproc",),
    open=open_inproc,
    capabilities=TransportCapabilities(authenticates=True, clients=True),
    options=InprocOptions,
)
