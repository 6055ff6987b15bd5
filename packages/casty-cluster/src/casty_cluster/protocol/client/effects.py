"""What the machine of a client has its shell do."""

from dataclasses import dataclass

from casty.address import PeerAddress
from casty.member import NodeId

from casty_cluster.wire.client import Attach, Detach, Moved


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message about the connection. The address is a contact point's, or that of a node."""

    to: PeerAddress
    message: Attach | Moved | Detach


@dataclass(frozen=True, slots=True)
class Forward:
    """Send a frame that has waited."""

    to: NodeId
    frame: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """The frame cannot wait any longer, or there is no room for it."""

    frame: bytes
    has_expired: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The client has this contact now."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class ContactLost:
    """The contact is lost: the outcome of what was under way to it is unknown."""

    node: NodeId
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a contact point is of no use now."""

    address: PeerAddress
    reason: str
    is_final: bool
    """Whether it takes a change of settings."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """All contact points have been tried in vain."""

    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Abandon:
    """Close the connections to a node that does not reply."""

    node: NodeId


type Effect = Send | Forward | Drop | Found | ContactLost | Unreachable | Abandon
