"""The effects of the membership machine, to be carried out in their order."""

from dataclasses import dataclass, field
from enum import Enum

from casty.address import PeerAddress
from casty.events import MemberLeft, MemberUp, ReachableMember, UnreachableMember
from casty.member import Member, NodeId
from casty.spi.downing import Acquire

from casty_cluster.wire.membership import Message


@dataclass(frozen=True, slots=True)
class Send:
    """A message for that incarnation, or for any incarnation that listens at that address. It may be lost."""

    to: NodeId | PeerAddress
    message: Message


@dataclass(frozen=True, slots=True)
class Joined:
    """This node is a member, if perhaps not up yet, of the cluster with that number."""

    cluster: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersChanged:
    """The members now."""

    members: tuple[Member, ...]
    """By node, with the local one and the downed ones."""
    unreachable: frozenset[NodeId]
    """Members that are not downed, and that at least one such member cannot reach."""
    leader: NodeId | None


type MemberEvent = MemberUp | MemberLeft | UnreachableMember | ReachableMember


@dataclass(frozen=True, slots=True)
class Publish:
    """An event for the system's event stream.

    For each other member the events are `MemberUp`, then `UnreachableMember` and `ReachableMember` in turn, then
    `MemberLeft`, each once. A member that never comes up has no events.
    """

    event: MemberEvent


@dataclass(frozen=True, slots=True)
class JoinDelayed:
    """No cluster has been joined or formed for a while; the reason says what is missing, for a warning."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A cluster rejects this node."""

    reason: str
    final: bool
    """Whether the machine has stopped, as retrying is pointless; else it goes on trying."""


@dataclass(frozen=True, slots=True)
class MemberDowned:
    """A member, perhaps this node, has been downed; this comes before the `MembersChanged` that shows it."""

    node: NodeId
    reason: str


class Cause(Enum):
    """Why a node is no longer a member."""

    left = "left"
    """It has left by itself."""
    downed = "downed"
    gave_way = "gave way"
    """Its cluster gives way to another one, in order."""
    replaced = "replaced"
    """Another process has its address now."""


@dataclass(frozen=True, slots=True)
class Out:
    """This node is no longer a member, and the machine has stopped: its part in the cluster is over at once."""

    reason: str
    cause: Cause
    contacts: tuple[PeerAddress, ...] = field(default=(), kw_only=True)
    """Where the next incarnation is likely to find the cluster: `MembershipSettings.contacts`."""

    @property
    def rejoin(self) -> bool:
        """Whether this node may rejoin as a new incarnation."""
        return self.cause in (Cause.downed, Cause.gave_way)


@dataclass(frozen=True, slots=True)
class Rejected:
    """This member has rejected that node's request to join, for a log."""

    node: NodeId
    reason: str


@dataclass(frozen=True, slots=True)
class AcquireLease:
    """Request that lease, and report the outcome by `LeaseDecided`."""

    acquire: Acquire


@dataclass(frozen=True, slots=True)
class Undecided:
    """The downing strategy has failed, for that reason: what cannot be reached stays as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message was ignored; for a log and a counter."""

    sender: NodeId
    reason: str


type Effect = (
    Send
    | Joined
    | MembersChanged
    | Publish
    | MemberDowned
    | JoinDelayed
    | Refused
    | Rejected
    | Out
    | AcquireLease
    | Undecided
    | Ignored
)
