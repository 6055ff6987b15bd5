"""The inputs of the membership machine, beside `Tick`."""

from dataclasses import dataclass

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.downing import Acquire
from casty.spi.transport import ConnectFailure

from casty_cluster.wire.membership import Message


@dataclass(frozen=True, slots=True)
class Start:
    """Join the cluster, or form it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message from that incarnation arrived."""

    sender: NodeId
    message: Message
    waited: float = 0.0
    """Seconds for which it has been here unread, as far as is known."""


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """An attempt to connect to that address has failed."""

    address: PeerAddress
    failure: ConnectFailure
    reason: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """A peer reports that another incarnation of this very node has connected to it."""

    by: NodeId


@dataclass(frozen=True, slots=True)
class Suspects:
    """All nodes that this node itself finds unreachable now."""

    nodes: frozenset[NodeId]
    refused: frozenset[NodeId] = frozenset()
    """Those whose machines refuse connections, so that their processes are likely to have ended."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave the cluster: everything that this node ran for it has been handed over."""


@dataclass(frozen=True, slots=True)
class Down:
    """Down that member, by order."""

    node: NodeId
    reason: str = "by order"


@dataclass(frozen=True, slots=True)
class LeaseDecided:
    """The outcome of an `AcquireLease`: `won` if the lease was granted."""

    acquire: Acquire
    won: bool


type Input = Start | Received | ConnectFailed | Replaced | Suspects | Leave | Down | LeaseDecided
