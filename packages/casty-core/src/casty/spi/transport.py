"""What a transport implements: frames of bytes between nodes. It knows nothing of actors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, Protocol, override

from casty.address import PeerAddress as PeerAddress
from casty.member import NodeId
from casty.tls import Config as TlsConfig

SPI: Final = 1


class Lane(Enum):
    """Frames of one lane never wait behind those of the other."""

    control = "control"
    """The cluster's own: few and small."""
    user = "user"


FRAME_LIMITS: Final[Mapping[Lane, int]] = {Lane.control: 64 << 10, Lane.user: 1 << 20}
"""How many bytes a frame may have on each lane, where a transport is not told otherwise."""


class Versions(NamedTuple):
    """The versions of the protocol between nodes that one node speaks, from the lowest to the highest."""

    lowest: int
    highest: int

    def common(self, other: "Versions") -> int | None:
        """The highest version that both nodes speak, if there is one."""
        highest = min(self.highest, other.highest)
        return highest if highest >= max(self.lowest, other.lowest) else None

    @override
    def __str__(self) -> str:
        return f"{self.lowest}" if self.lowest == self.highest else f"{self.lowest} to {self.highest}"


FIRST_VERSION: Final = Versions(1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The node that a transport serves: its identity, and which peers it accepts."""

    cluster: str
    """The system's name; nodes of other systems are rejected."""
    uid: int
    """This incarnation's, as in `NodeId`."""
    versions: Versions = FIRST_VERSION
    """Of what frames contain. A transport whose connections start with a handshake settles on the highest version that
    both nodes speak, and rejects a peer with which there is none.
    """
    advertised: PeerAddress | None = None
    """Where other nodes reach it; None: where it listens."""
    cookies: tuple[bytes, ...] = field(default=(), repr=False)
    """Secrets shared by all nodes: the first one is used, all are accepted, so that they can be changed one node after
    the other. Empty: no peer has to prove anything.
    """
    tls: TlsConfig | None = None
    insecure: bool = False
    """Whether it may listen beyond this machine with neither cookies nor TLS."""
    clients: "FrameReceiver | None" = None
    """Takes what concerns clients: peers that are no nodes of the cluster, see `NodeId.is_client`. None: clients are
    rejected, as they are by a transport that knows no clients.
    """
    client: str | None = None
    """The name of the client that the transport serves, instead of a node: it connects to nodes, and does not listen,
    whatever the URL says. `Transport.local` is this name with port 0. Only for a transport that declares `clients`.
    """
    address_map: Mapping[PeerAddress, PeerAddress] = field(default_factory=dict[PeerAddress, PeerAddress])
    """Where a client connects to, by the advertised address of the node that it reaches there. Frames, callbacks and
    certificates go by the advertised address.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCapabilities:
    """How a transport protects its connections. A node whose endpoint has cookies or TLS does not start with a
    transport that declares neither: it would listen unprotected, against the configuration.
    """

    authenticates: bool = False
    """Where the endpoint has cookies, a peer proves that it shares one before any of its frames is delivered. The proof
    is bound to random bytes of the other side, so that an overheard one is useless.
    """
    encrypts: bool = False
    """Where the endpoint has TLS, all connections use it."""
    clients: bool = False
    """It accepts clients where the endpoint does, and serves a client as well as a node."""
    discards: bool = False
    """It is a `DiscardingTransport`. Messages for an entity then need not wait until the transport gives up: once their
    node is removed, what had not been sent goes to the next one.
    """


class ConnectFailure(Enum):
    """Why an attempt to connect has come to nothing."""

    refused = "refused"
    """The other machine, or something in between, turns the connection away at once: most likely nothing listens there.
    It is a hint that a process has ended, and no proof. A transport that cannot tell it from `unreachable` says that.
    """
    unreachable = "unreachable"
    """No peer replied there, or its reply was incomplete; the next attempt may succeed."""
    rejected = "rejected"
    """One side does not accept the other: cookies, certificates, names of clusters or versions do not match, or what
    listens there is no node. Retrying does not help until a setting is changed.
    """
    itself = "itself"
    """The address leads to this very endpoint, under another name."""


class FrameReceiver(Protocol):
    """Where a transport delivers frames. All methods are called on the event loop and must not block or raise.

    A receiver that raises all the same costs what it was called for and nothing more: the transport gives the exception
    to the event loop's exception handler, and the connection stays.
    """

    def peer_connected(self, peer: NodeId) -> None:
        """Frames can be exchanged with this incarnation; reported once, before its first frame. Where it replaces
        another incarnation at the same address, that one has been reported lost, and none of its frames follows.
        """
        ...

    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        """A whole frame arrived. Those of one lane arrive in the order in which they were sent, and none that an older
        connection carried comes after one of a newer.
        """
        ...

    def peer_lost(self, peer: NodeId, reason: str) -> None:
        """No connection to this incarnation is left, reported once for each `peer_connected`. Frames that were under
        way may be lost.
        """
        ...

    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        """One attempt to connect to the address that `send` was given has failed. The transport keeps trying, except
        where the address leads to this very endpoint: then it drops the frames that are queued for it.
        """

    def replaced(self, by: NodeId) -> None:
        """That authenticated peer has closed the connection because another incarnation of this very node has
        connected to it: two processes use one address.
        """

    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        """These frames were queued by `send`, in this order, and are not delivered. Frames that were handed to the
        network are not among them, whether they arrived or not.
        """
        ...


class Transport(Protocol):
    """One node's endpoint. Its provider's async context manager opens and closes it.

    Opening raises OSError for an address at which another endpoint listens, and leaves that one as it is. Remains of a
    killed process at an address, such as the file of a socket, are replaced. A peer that announces a frame above the
    lane's maximum loses its connection before the frame is in memory, and so does a peer that sends no frames at all.
    """

    @property
    def local(self) -> PeerAddress:
        """The address at which peers reach this endpoint, and by which they know it: the advertised one, or else where
        it listens, with the real port where 0 was asked for.
        """
        ...

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        """Queue a frame for a peer, connecting first where needed, and again with growing delays where that fails.

        Never blocks, never raises for a peer's sake, and no peer delays another's frames. Delivery is at most once, and
        in order within a lane. False: the frame was dropped because the peer's queue, bounded by frames and by bytes,
        is full, or because this endpoint is closed. Raises ValueError for a frame that is empty or above the lane's
        maximum size. Frames that a node sends to its own address need not arrive. A client cannot be dialed: frames
        for one that is not connected are dropped at once, by `frames_dropped` of the endpoint's `clients`.
        """
        ...

    async def disconnect(self, peer: PeerAddress) -> None:
        """Send what is queued for the peer, as far as that can be done soon, then close its connections."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """How many connections were rejected or ended, by reason, since the endpoint was opened, so that operators see
        why a peer cannot connect. Reasons are the transport's own words.
        """
        ...


class DiscardingTransport(Transport, Protocol):
    """A transport that need not wait for a connection to a peer when nothing will come of it."""

    def discard(self, peer: PeerAddress, reason: str) -> None:
        """Drop what waits for a connection to the peer, on both lanes. `frames_dropped` has been called for it, with
        this reason, when the method returns. A connection that there is remains, and so does what is queued for it.
        """
        ...
