"""What the membership machine wants done: each effect is one of these values, to be carried out in their order."""

from dataclasses import dataclass, field
from enum import Enum

from casty.address import PeerAddress
from casty.events import MemberLeft, MemberUp, ReachableMember, UnreachableMember
from casty.member import Member, NodeId
from casty.spi.downing import Acquire

from casty_cluster.wire.membership import Message


@dataclass(frozen=True, slots=True)
class Send:
    """A message for that incarnation, or for whoever listens at that address. It may be lost."""

    to: NodeId | PeerAddress
    message: Message


@dataclass(frozen=True, slots=True)
class Joined:
    """This node is a member, if perhaps not up yet, of the cluster with that number."""

    cluster: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersChanged:
    """Who is a member now."""

    members: tuple[Member, ...]
    """By node, the local one and those that were given up among them."""
    unreachable: frozenset[NodeId]
    """Those, of the ones not given up, that one of them cannot reach."""
    leader: NodeId | None


type MemberEvent = MemberUp | MemberLeft | UnreachableMember | ReachableMember


@dataclass(frozen=True, slots=True)
class Publish:
    """An event for the system's event stream.

    Of each other member this node says `MemberUp`, then `UnreachableMember` and `ReachableMember` in turn, then
    `MemberLeft`, each once; and of one that has never come up, nothing.
    """

    event: MemberEvent


@dataclass(frozen=True, slots=True)
class KeepsSeeking:
    """No cluster has been found for a while; the reason says what is missing, for a warning."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A cluster does not let this node in."""

    reason: str
    final: bool
    """It never will, as things are, and the machine has stopped; else it goes on trying."""


@dataclass(frozen=True, slots=True)
class Downed:
    """A member, perhaps this node, has been downed; this comes before the `MembersChanged` that shows it."""

    node: NodeId
    reason: str


class Cause(Enum):
    """Why a node is no member any more."""

    left = "left"
    """Of its own will."""
    downed = "downed"
    gave_way = "gave way"
    """Its cluster gives way to another one, in order."""
    replaced = "replaced"
    """Another process has its address now."""


@dataclass(frozen=True, slots=True)
class Out:
    """This node is no member any more, and the machine has stopped: its part in the cluster is over at once."""

    reason: str
    cause: Cause
    contacts: tuple[PeerAddress, ...] = field(default=(), kw_only=True)
    """Where the new incarnation is likely to find the cluster: `MembershipSettings.contacts`."""

    @property
    def rejoin(self) -> bool:
        """Whether it may come back, as a new incarnation."""
        return self.cause in (Cause.downed, Cause.gave_way)


@dataclass(frozen=True, slots=True)
class Rejected:
    """This member did not let that node join, for a log."""

    node: NodeId
    reason: str


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Ask for that lease and say what became of it by `LeaseDecided`."""

    acquire: Acquire


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message was not taken into account; for a log and a counter."""

    sender: NodeId
    reason: str


type Effect = (
    Send | Joined | MembersChanged | Publish | Downed | KeepsSeeking | Refused | Rejected | Out | AcquireLease | Ignored
)
