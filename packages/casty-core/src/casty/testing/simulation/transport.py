"""Endpoints in the simulated network: `sim://host:port`, with port 0 for any free one. See `casty.spi.transport`."""

import asyncio
import errno
import re
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, final

from casty.address import PeerAddress
from casty.member import NodeId
from casty.plugins.providers import TransportProvider
from casty.spi.transport import FRAME_LIMITS, ConnectFailure, Endpoint, FrameReceiver, Lane, TransportCapabilities
from casty.testing.simulation.connecting import Attempt
from casty.testing.simulation.connection import End, Load
from casty.testing.simulation.hosts import Host, this_host
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.network import Network
from casty.testing.simulation.process import Process

LINGER: Final = 1.0
"""Seconds for which a closing endpoint waits for its frames to arrive."""
LOOK: Final = 0.01
"""Seconds between two checks of that, which cost nothing in virtual time."""
_FIRST_FREE_PORT: Final = 49152
_URL: Final = re.compile(r"sim://(?P<host>[^:/?#]+):(?P<port>[0-9]+)/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedTransportOptions:
    """The options of `sim://`."""

    queue_frames: int = 1024
    """Limit of frames of a lane that are queued for a peer or in flight to it."""
    queue_bytes: int = 8 << 20
    give_up_after: float = 10.0
    """Seconds without a connection after which a peer's queue is dropped."""


@final
class SimulatedTransport:
    """One endpoint, created by the provider's `open`."""

    def __init__(
        self,
        local: PeerAddress,
        endpoint: Endpoint,
        receiver: FrameReceiver,
        *,
        host: str,
        process: Process,
        network: Network,
        loop: SimulatedLoop,
        options: SimulatedTransportOptions,
    ) -> None:
        self.endpoint = endpoint
        self.node = NodeId(*(endpoint.advertised or local), endpoint.uid)
        self.host = host
        """The name of the simulated machine, by which the network knows it."""
        self.process = process
        self.network = network
        self.loop = loop
        self.options = options
        self._local = local
        self._receiver = receiver
        self._ends: dict[PeerAddress, End] = {}
        self._attempts: dict[PeerAddress, Attempt] = {}
        self._inbox: deque[Callable[[], object]] = deque()
        """Arrivals at this host that wait for its process, in order, which the event loop does not preserve."""
        self._replaced: set[NodeId] = set()
        """Incarnations that a later one has replaced."""
        self._counters: Counter[str] = Counter()
        self._listens = True
        self._closed = False

    @property
    def local(self) -> PeerAddress:
        return self.node.address

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        """See the contract. A closed endpoint drops every frame."""
        if not 0 < len(frame) <= FRAME_LIMITS[lane]:
            raise ValueError(f"a frame of {len(frame)} bytes; the {lane.value} lane takes 1 to {FRAME_LIMITS[lane]}")
        if self._closed:
            return False
        if peer == self.node.address:
            return True  # delivery is not guaranteed
        end = self._ends.get(peer)
        if end is not None and not end.connection.is_broken:
            return self._has_room(end.load[lane]) and end.send(lane, frame)
        if peer.is_client:
            reason = f"the client {peer.host} is not connected to this node"
            self.loop.call_soon(self._drop, peer, [frame], reason, context=self.process.context())
            return True
        attempt = self._attempts.get(peer)
        if attempt is None:
            attempt = self._attempts[peer] = Attempt(self, peer)
        return self._has_room(attempt.load[lane]) and attempt.put(lane, frame)

    @property
    def counters(self) -> Mapping[str, int]:
        return dict(self._counters)

    async def disconnect(self, peer: PeerAddress) -> None:
        """Disconnect, after waiting at most a second for sent frames to arrive."""
        latest = self.loop.time() + LINGER
        while self._is_sending(peer) and self.loop.time() < latest:  # noqa: ASYNC110
            await asyncio.sleep(LOOK)
        end = self._ends.get(peer)
        if end is not None and not end.is_broken:
            end.connection.close(end)
            self.lost(end, "this endpoint closed the connection")
        if peer in self._attempts:
            self.give_up(peer, "the endpoint has disconnected")

    def discard(self, peer: PeerAddress, reason: str) -> None:
        """See the contract."""
        if peer in self._attempts:
            self.give_up(peer, reason)

    async def close(self) -> None:
        """Stop listening, send queued frames, close every connection. No callback is called afterwards."""
        self.network.endpoints.pop(self._local, None)  # a client is not among them
        self._listens = False
        async with asyncio.TaskGroup() as closing:
            for peer in [*self._ends, *(peer for peer in self._attempts if peer not in self._ends)]:
                closing.create_task(self.disconnect(peer))
        self._closed = True

    def arrive(self, call: Callable[..., object], *args: Any) -> None:
        """Deliver something to this host: its process handles arrivals in order, when it runs."""
        self._inbox.append(partial(call, *args))
        self.loop.hand_over(self.process, self._attend)

    def later(self, delay: float, call: Callable[..., object], *args: Any) -> None:
        """Call it after a delay by this host's clock."""
        self.loop.call_later(delay, call, *args, context=self.process.context())

    def count(self, reason: str) -> None:
        self._counters[reason] += 1

    def refused(self, peer: PeerAddress, reason: str, failure: ConnectFailure) -> None:
        """Handle a failed attempt to connect."""
        self.count(reason)
        if not self._closed:
            self._receiver.connect_failed(peer, failure, reason)  # only nodes are dialed
        self.loop.record(f"not connected to {peer}: {reason}", str(self.node.address))

    def connected(self, end: End, peer: NodeId) -> None:
        """Handle a successful handshake; this end is used from now on."""
        if end.connection.is_broken:
            return
        if not self._listens and peer.address not in self._attempts:
            end.connection.break_("the endpoint at the other end is closed")
            return
        if peer in self._replaced:
            end.connection.close(end, replaced=True)
            return
        older = self._ends.get(peer.address)
        if older is not None:
            is_another = older.other.node != peer
            if is_another:
                self._replaced.add(older.other.node)
            if not older.is_broken:
                older.connection.close(older, replaced=is_another)
            self.lost(older, "a newer connection has replaced it")
        self._ends[peer.address] = end
        end.is_open = True
        self.loop.record(f"connected to {peer}", str(self.node.address))
        self._receiver_of(peer.address).peer_connected(peer)
        attempt = self._attempts.pop(peer.address, None)
        for lane, frame in attempt.stop() if attempt is not None else ():
            end.send(lane, frame)
        end.other.resend()

    def lost(self, end: End, reason: str) -> None:
        """Report the loss of an end, once."""
        peer = end.other.node
        if self._ends.get(peer.address) is end:
            self.count(reason)
            del self._ends[peer.address]
            self.loop.record(f"lost {peer}: {reason}", str(self.node.address))
            if not self._closed:
                self._receiver_of(peer.address).peer_lost(peer, reason)

    def replaced(self, by: NodeId) -> None:
        """Handle the notice that the peer is connected to another incarnation of this node."""
        if not self._closed:
            self._receiver.replaced(by)

    def receive(self, sender: NodeId, frame: bytes) -> None:
        if not self._closed:
            self._receiver_of(sender.address).frame_received(sender, frame)
            self.network.delivered()

    def give_up(self, peer: PeerAddress, reason: str) -> None:
        """Drop the queue of a peer."""
        frames = [frame for _, frame in self._attempts.pop(peer).stop()]
        self.loop.record(f"gave up {peer}: {reason}", str(self.node.address))
        if frames:
            self._drop(peer, frames, reason)

    def _drop(self, peer: PeerAddress, frames: list[bytes], reason: str) -> None:
        if not self._closed:
            self._receiver_of(peer).frames_dropped(peer, frames, reason)

    def _receiver_of(self, peer: PeerAddress) -> FrameReceiver:
        clients = self.endpoint.clients
        return clients if peer.is_client and clients is not None else self._receiver

    def _has_room(self, load: Load) -> bool:
        return load.frames < self.options.queue_frames and load.size < self.options.queue_bytes

    def _is_sending(self, peer: PeerAddress) -> bool:
        if peer in self._attempts:
            return True
        end = self._ends.get(peer)
        return end is not None and not end.connection.is_broken and any(load.frames for load in end.load.values())

    def _attend(self) -> None:
        self._inbox.popleft()()


@asynccontextmanager
async def open_simulated(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: SimulatedTransportOptions
) -> AsyncGenerator[SimulatedTransport]:
    """Open an endpoint at the URL's address, whose host must be the current one; a client's is on the current host."""
    host = this_host(f"the transport {url}")
    local = _listening_at(url, host) if endpoint.client is None else PeerAddress(endpoint.client, 0)
    transport = SimulatedTransport(
        local,
        endpoint,
        receiver,
        host=host.name,
        process=host.running(),
        network=host.network,
        loop=host.loop,
        options=options,
    )
    if not local.is_client:
        host.network.endpoints[local] = transport
    try:
        yield transport
    finally:
        await transport.close()


def _listening_at(url: str, host: Host) -> PeerAddress:
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"not the address of an endpoint: {url!r}; write sim://host:port, port 0 for any free one")
    if match["host"] != host.name:
        raise OSError(errno.EADDRNOTAVAIL, f"{url} cannot be opened on the host {host.name!r}: it is another host's")
    wanted = PeerAddress(host.name, int(match["port"]))
    local = wanted if wanted.port else _free(host.network, host.name)
    taken = host.network.endpoints.get(local)
    if taken is not None and not taken.process.dead:
        raise OSError(errno.EADDRINUSE, f"another endpoint listens at sim://{local} already")
    return local


def _free(network: Network, host: str) -> PeerAddress:
    addresses = (PeerAddress(host, port) for port in count(_FIRST_FREE_PORT))
    return next(address for address in addresses if address not in network.endpoints)


PROVIDER: Final = TransportProvider(
    names=("sim",),
    open=open_simulated,
    capabilities=TransportCapabilities(authenticates=True, clients=True, discards=True),
    options=SimulatedTransportOptions,
)
