"""One node's endpoint: it connects listener, connections, links and peers, and decides nothing by itself."""

import asyncio
import math
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, final

from casty.address import PeerAddress
from casty.entropy import source
from casty.member import NodeId
from casty.spi.transport import Endpoint, FrameReceiver, Lane

from casty_transport_tcp import binding
from casty_transport_tcp.connection import Connection
from casty_transport_tcp.handshake import NONCE_BYTES, Accepting, Dialing, Identity, Peer
from casty_transport_tcp.incidents import Incidents
from casty_transport_tcp.links import Link
from casty_transport_tcp.listener import Listener
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.peers import Peers, tell
from casty_transport_tcp.racing import race
from casty_transport_tcp.reasons import Ending, Reason
from casty_transport_tcp.resolving import Resolver, Target
from casty_transport_tcp.tls import explained, secured

HUNG_UP: Final = 6
"""Failed handshakes in a row that a proxy in front of a starting node may cause. From then on it counts as a silent
rejection, as by an endpoint that expects TLS and hears none.
"""
HANDSHAKE_SECONDS: Final = 5.0
"""For the handshake of an accepted connection, TLS included."""


@final
class TcpTransport:
    """See `casty.spi.transport.Transport`. Made by `open_endpoint`."""

    def __init__(
        self,
        listening: socket.socket | None,
        local: PeerAddress,
        receiver: FrameReceiver,
        endpoint: Endpoint,
        options: TcpOptions,
    ) -> None:
        self._local = local
        self._tls = endpoint.tls
        self._address_map = endpoint.address_map
        self._options = options
        self._max_frame, self._max_control_frame = options.max_frame, options.max_control_frame
        self._entropy = source()
        self._random = self._entropy.random()
        self._identity = Identity(
            endpoint.cluster,
            NodeId(*local, endpoint.uid),
            endpoint.cookies,
            versions=endpoint.versions,
            accepts_clients=endpoint.clients is not None,
        )
        self._incidents = Incidents()
        self._nodes = Peers(receiver)
        self._clients = Peers(endpoint.clients or receiver)
        """Apart, so that no number of clients makes this endpoint forget which nodes were replaced."""
        self._resolver = Resolver()
        self._met_itself = 0
        """Connections of this endpoint to itself."""
        self._control: dict[PeerAddress, Link] = {}
        self._user: dict[PeerAddress, Link] = {}
        """Links by each name under which their address was dialed."""
        self._open: set[Connection] = set()
        self._patience = math.ceil(options.silence_timeout / options.ping_interval)
        self._loop = asyncio.get_running_loop()
        self._ticking = self._loop.call_later(options.ping_interval, self._tick)
        self._listener = None if listening is None else Listener(listening, self._greet, self._incidents)
        self._closed = False

    @property
    def local(self) -> PeerAddress:
        return self._local

    @property
    def counters(self) -> Mapping[str, int]:
        """By the words of `casty_transport_tcp.reasons`; `peer: …` is the reason that the other side gave."""
        return self._incidents.counts

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        """See the contract."""
        if lane is Lane.user:
            links, limit = self._user, self._max_frame
        else:
            links, limit = self._control, self._max_control_frame
        if not 0 < len(frame) <= limit:
            raise ValueError(f"a frame of {len(frame)} bytes; the {lane.value} lane takes 1 to {limit}")
        if self._closed:
            return False
        link = links.get(peer)
        return (self._link(peer, lane) if link is None else link).send(frame)

    async def disconnect(self, peer: PeerAddress) -> None:
        """See the contract."""
        await self._disconnect(self._links_to(peer), "this node disconnected from the peer")

    def discard(self, peer: PeerAddress, reason: str) -> None:
        """See the contract."""
        for link in self._links_to(peer):
            if not link.is_connected:
                link.drop(reason)

    async def close(self) -> None:
        """Stop listening, send what is queued, close every connection. No callback comes after it."""
        self._closed = True
        self._ticking.cancel()
        if self._listener is not None:
            await self._listener.close()
        await self._disconnect([*self._control.values(), *self._user.values()], "this node's endpoint is closed")
        if self._open:
            await asyncio.wait([connection.gone for connection in self._open])
        await asyncio.sleep(0)  # the turn in which the sockets of what was never made are closed

    def frame_limit(self, lane: Lane) -> int:
        return self._options.limit(lane)

    def receiver(self, peer: Peer) -> FrameReceiver:
        return self._peers(peer.node.address).receiver

    def refusal(self, peer: Peer) -> Ending | None:
        return self._peers(peer.node.address).refusal(peer.node)

    def established(self, connection: Connection, peer: Peer) -> None:
        self._peers(peer.node.address).came(peer.node, connection)
        address = peer.node.address
        link = self._links(peer.lane).get(address)
        if link is None or link.address != address:  # another node's second name is taken away from it
            link = self._link(address, peer.lane)
        link.attach(connection)

    def writable(self, connection: Connection) -> None:
        self._link_of(connection).flush_soon()

    def delivers(self, connection: Connection) -> None:
        self._link_of(connection).receives_over(connection)

    def skipped(self, peer: Peer, kind: int) -> None:
        self._incidents.skipped(str(peer.node), kind, address=str(peer.node.address))

    def ended(self, connection: Connection, peer: Peer, ending: Ending) -> None:
        self._link_of(connection).detach(connection)
        self._peers(peer.node.address).went(peer.node, connection, ending)
        self._incidents.note(str(peer.node), ending, address=str(peer.node.address))
        if ending.by_peer and ending.reason is Reason.replaced:
            tell(self._nodes.receiver.replaced, peer.node)

    async def _dial(self, link: Link) -> Ending | None:
        """Connect to one of the addresses that the link's host has; None if that has succeeded."""
        host, port = self._address_map.get(link.address, link.address)
        try:
            async with asyncio.timeout(self._options.connect_timeout):
                targets = await self._resolver.targets(host, port)
                failures = await race([partial(self._connect, link, target) for target in targets])
        except TimeoutError:
            failures = [Ending(Reason.unreachable, f"no connection within {self._options.connect_timeout:g} s")]
        except (OSError, ValueError) as error:  # ValueError: an impossible host or port
            failures = [explained(error, Reason.unreachable)]
        if not failures:
            return None
        failed = max(failures, key=lambda ending: ending.weight)
        self._incidents.note(f"connecting to {link.address}", failed, address=str(link.address))
        tell(self._nodes.receiver.connect_failed, link.address, failed.failure, str(failed))
        return failed

    async def _connect(self, link: Link, target: Target) -> Ending | None:
        """Connect to one address of several."""
        connection = self._connection(Dialing(self._identity, link.lane, self._entropy.token(NONCE_BYTES)))
        met_itself = self._met_itself
        connecting = socket.socket(target.family, target.kind, target.protocol)
        try:
            connecting.setblocking(False)
            settings = secured(self._tls and self._tls.client_context, link.address.host)
            await self._loop.sock_connect(connecting, target.address)
            await self._loop.create_connection(lambda: connection, sock=connecting, **settings)
            await connection.settled
            failed = connection.ending
        except (OSError, ValueError, Ending) as error:
            failed = explained(error, Reason.unreachable)
        finally:
            if connection.peer is None:
                connection.close(Ending(Reason.unreachable), abruptly=True)
            if not connection.was_made:
                connecting.close()
        if connection.peer is not None:
            self._known_as(link, connection.peer.node.address)
        elif failed is not None and failed.reason is Reason.broken and link.failures >= HUNG_UP:
            return Ending(Reason.hung_up)
        elif failed is not None and failed.reason is Reason.itself and self._met_itself > met_itself:
            return Ending(Reason.itself)  # confirmed by this side, not only claimed by the other one
        return failed

    async def _greet(self, accepted: socket.socket) -> None:
        """Make a connection of an accepted socket, if its handshake succeeds in time."""
        connection = self._connection(Accepting(self._identity, self._entropy.token(NONCE_BYTES)))
        name = _peer_name(accepted)
        described = f"a connection from {name or 'an address that is no longer known'}"
        failed = Ending(Reason.broken)
        try:
            accepted.setblocking(False)
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                settings = secured(self._tls and self._tls.server_context)
                await self._loop.connect_accepted_socket(lambda: connection, accepted, **settings)
                await connection.settled
            failed = connection.ending
        except TimeoutError:
            failed = Ending(Reason.too_slow, f"more than {HANDSHAKE_SECONDS:g} s")
        except asyncio.CancelledError:
            failed = Ending(Reason.closed if self._closed else Reason.crowded)
            raise
        except (OSError, Ending) as error:
            failed = explained(error)
        finally:
            if connection.peer is None and failed is not None:
                connection.close(failed)
                self._met_itself += failed.reason is Reason.itself and not failed.by_peer
                self._incidents.note(described, failed, address=name.host if name else "")
                if not connection.was_made:
                    accepted.close()

    def _connection(self, handshake: Dialing | Accepting) -> Connection:
        connection = Connection(self, handshake, patience=self._patience, user_timeout=self._options.silence_timeout)
        self._open.add(connection)
        connection.gone.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    def _peers(self, address: PeerAddress) -> Peers:
        return self._clients if address.is_client else self._nodes

    def _links(self, lane: Lane) -> dict[PeerAddress, Link]:
        return self._user if lane is Lane.user else self._control

    def _links_to(self, peer: PeerAddress) -> list[Link]:
        return [link for links in (self._control, self._user) if (link := links.get(peer)) is not None]

    def _link(self, address: PeerAddress, lane: Lane) -> Link:
        link = self._links(lane)[address] = Link(
            address,
            lane,
            self._options,
            dial=self._dial,
            random=self._random,
            on_dropped=self._dropped,
            on_idle=self._forget,
        )
        return link

    def _link_of(self, connection: Connection) -> Link:
        assert connection.peer is not None, "only an established connection has a link"
        return self._links(connection.peer.lane)[connection.peer.node.address]

    def _known_as(self, dialed: Link, address: PeerAddress) -> None:
        """A node that was dialed under one name may call itself by another; both are then names of one link."""
        links = self._links(dialed.lane)
        own = links.get(address)
        if own is not None and own is not dialed and not dialed.is_connected:
            own.take_over(dialed)
            links[dialed.address] = own

    def _dropped(self, address: PeerAddress, frames: list[bytes], reason: str) -> None:
        tell(self._peers(address).receiver.frames_dropped, address, frames, reason)

    def _forget(self, link: Link) -> None:
        links = self._links(link.lane)
        for name in [name for name, known in links.items() if known is link]:
            del links[name]

    async def _disconnect(self, links: list[Link], reason: str) -> None:
        if links:
            await asyncio.gather(*(link.disconnect(reason) for link in dict.fromkeys(links)))

    def _tick(self) -> None:
        for connection in (*self._nodes.connections(), *self._clients.connections()):
            connection.tick()
        self._ticking = self._loop.call_later(self._options.ping_interval, self._tick)


@asynccontextmanager
async def open_endpoint(
    url: str, receiver: FrameReceiver, endpoint: Endpoint, options: TcpOptions
) -> AsyncGenerator[TcpTransport]:
    """Listens at the URL's address, unless it is a client's. Raises `ConfigError` for bad settings, OSError for an
    unusable address.
    """
    where = binding.place(url)
    binding.check(where, endpoint)
    if endpoint.client is None:
        listening, local = await binding.listen(where, endpoint)
    else:
        listening, local = None, PeerAddress(endpoint.client, 0)
    transport = TcpTransport(listening, local, receiver, endpoint, options)
    try:
        yield transport
    finally:
        await transport.close()


def _peer_name(accepted: socket.socket) -> PeerAddress | None:
    """None: the connection has ended already."""
    try:
        name: tuple[Any, ...] = accepted.getpeername()
    except OSError:
        return None
    return PeerAddress(str(name[0]), int(name[1]))
