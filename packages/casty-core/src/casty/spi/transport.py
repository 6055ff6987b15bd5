"""What a transport implements: frames of bytes between nodes. It knows nothing of actors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The node that a transport serves: who it says it is, and whom it lets in."""

    cluster: str
    """The system's name; nodes of another one are turned away."""
    uid: int
    """This incarnation's, as in `NodeId`."""
    advertised: PeerAddress | None = None
    """Where the others reach it; None: where it listens."""
    cookies: tuple[bytes, ...] = field(default=(), repr=False)
    """Secrets shared by all nodes: the first one is used, all are accepted, so that they can be changed one node after
    the other. Empty: nobody proves anything.
    """
    tls: TlsConfig | None = None
    insecure: bool = False
    """Whether it may listen beyond this machine with neither cookies nor TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportCapabilities:
    """What a transport does for the secrecy of its connections. A node whose endpoint has cookies or TLS is not started
    with a transport that says nothing here: it would listen unprotected, and its operator believe otherwise.
    """

    authenticates: bool = False
    """Where the endpoint has cookies, a peer proves that it shares one before anything else that it says counts. The
    proof is bound to random bytes of the other side, so that one that was overheard is of no use.
    """
    encrypts: bool = False
    """Where the endpoint has TLS, all connections use it."""


class ConnectFailure(Enum):
    """Why an attempt to connect has come to nothing."""

    refused = "refused"
    """The other machine, or something in between, turns the connection away at once: most likely nothing listens there.
    It is a hint that a process has ended, and no proof. A transport that cannot tell it from `unreachable` says that.
    """
    unreachable = "unreachable"
    """No peer answers there, or the answer is not complete: it may be another one a moment later."""
    rejected = "rejected"
    """One side does not accept the other: cookies, certificates, names of clusters or versions do not match, or what
    listens there is no node. It stays so until somebody changes a setting.
    """
    itself = "itself"
    """The address leads to this very endpoint, under another name."""


class FrameReceiver(Protocol):
    """Who a transport hands its frames to. All methods are called on the event loop and must not block or raise.

    A receiver that raises all the same costs what it was called for and nothing more: the transport gives the exception
    to the event loop's exception handler, and the connection goes on.
    """

    def peer_connected(self, peer: NodeId) -> None:
        """Frames can be exchanged with this incarnation; said once, before its first frame. Where it takes the place of
        another one at the same address, that one has been said to be lost, and no frame of it comes any more.
        """
        ...

    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        """A whole frame arrived. Those of one lane arrive in the order in which they were sent, and none that an older
        connection carried comes after one of a newer.
        """
        ...

    def peer_lost(self, peer: NodeId, reason: str) -> None:
        """No connection to this incarnation is left, said once for each `peer_connected`; what was on its way may be
        lost.
        """
        ...

    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        """One attempt to connect to the address that `send` was given has failed. The transport goes on trying, except
        where the address leads to this very endpoint: then it drops what waits for it.
        """

    def replaced(self, by: NodeId) -> None:
        """That peer, which has proved who it is, has closed the connection because another incarnation of this very
        node has connected to it: two processes use one address.
        """

    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        """These were queued by `send`, in this order, and are not delivered. Frames that were handed to the network
        are not among them, whatever became of those.
        """
        ...


class Transport(Protocol):
    """One node's endpoint. Opening and closing it is the business of its provider's async context manager.

    Opening raises OSError for an address at which another endpoint listens, and leaves that one as it is. What a killed
    process has left at an address, such as the file of a socket, is no endpoint and is replaced. A frame that a peer
    makes larger than the lane's maximum costs the connection before it is in memory, and so do bytes that are no frame.
    """

    @property
    def local(self) -> PeerAddress:
        """The address that peers reach this endpoint under: the advertised one, or else where it listens, with the real
        port where 0 was asked for. Peers are told it, and know this endpoint by it.
        """
        ...

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        """Queue a frame for a peer, connecting first where needed, and again with growing delays where that fails.

        Never blocks, never raises for a peer's sake, and no peer delays another's frames. Delivery is at most once, and
        in order within a lane. False: the frame was dropped because the peer's queue, bounded by frames and by bytes,
        is full, or because this endpoint is closed. Raises ValueError for a frame that is empty or above the lane's
        maximum size. What a node sends to its own address need not arrive.
        """
        ...

    async def disconnect(self, peer: PeerAddress) -> None:
        """Send what is queued for the peer, as far as that can be done soon, then close its connections."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """How many connections were refused or ended, by reason, since the endpoint was opened: for people, who must
        see why a peer does not get in. Reasons are the transport's own words.
        """
        ...
