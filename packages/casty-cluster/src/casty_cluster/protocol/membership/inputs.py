"""What happens to the membership machine: each input is one of these values."""

from dataclasses import dataclass

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.downing import Acquire
from casty.spi.transport import ConnectFailure

from casty_cluster.wire.membership import Message


@dataclass(frozen=True, slots=True)
class Start:
    """Look for the cluster."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from that incarnation arrived."""

    sender: NodeId
    message: Message
    waited: float = 0.0
    """Seconds that it has been here unread, as far as is known."""


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """An attempt to connect to that address has come to nothing."""

    address: PeerAddress
    failure: ConnectFailure
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """A peer reports that another incarnation of this very node has connected to it."""

    by: NodeId


@dataclass(frozen=True, slots=True)
class Suspects:
    """These are all the nodes that count as unreachable now, as far as this node knows by itself."""

    nodes: frozenset[NodeId]
    refused: frozenset[NodeId] = frozenset()
    """Those whose machines refuse connections, so that their processes are likely to have ended."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go: whatever this node had has been handed over."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Down that member, by order."""

    node: NodeId
    reason: str = "by order"


@dataclass(frozen=True, slots=True)
class LeaseDecided:
    """What became of an `AcquireLease`: `won` if the lease was granted."""

    acquire: Acquire
    won: bool


type Input = Start | Received | ConnectFailed | Replaced | Suspects | Leave | GiveUp | LeaseDecided
