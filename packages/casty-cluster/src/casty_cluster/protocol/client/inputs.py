"""What the machine of a client takes."""

from dataclasses import dataclass

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure

from casty_cluster.wire.client import Attached, Detached, Leaving, Release

type FromNode = Attached | Leaving | Release | Detached


@dataclass(frozen=True, slots=True)
class Begin:
    """Look for a contact."""


@dataclass(frozen=True, slots=True)
class Received:
    """A node has sent a message."""

    node: NodeId
    message: FromNode


@dataclass(frozen=True, slots=True)
class Lost:
    """No connection to the node is left."""

    node: NodeId
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """An attempt to connect to the address has failed."""

    address: PeerAddress
    failure: ConnectFailure
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Send this frame to the contact as soon as there is one, if that is before the deadline."""

    frame: bytes
    deadline: float


type Input = Begin | Received | Lost | ConnectFailed | Hold
