"""What an actor system publishes about itself on its event stream."""

from dataclasses import dataclass
from typing import Any, Generic

from casty.member import Member
from casty.messages import Terminated
from casty.node_id import NodeId
from casty.ref import ActorRef
from casty.regions import ShardReason
from casty.type_variables import M


@dataclass(frozen=True, slots=True)
class ActorStarted:
    """An actor is ready for its first message."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class ActorStopped:
    """An actor is gone: its children have stopped, its `post_stop` has run, its name is free."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class ActorRestarted:
    """An actor failed and runs again from its initial behavior."""

    ref: ActorRef[Any]
    exception: BaseException


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that no actor will handle."""

    message: object
    intended_ref: ActorRef[Any]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnhandledMessage:
    """A handler returned `Behaviors.unhandled()`."""

    message: object
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class MailboxHighWater:
    """An unbounded mailbox has grown past the warning mark, or many callers wait in `offer` for a bounded one.

    Published once for each crossing, and again whenever the figure has doubled since.
    """

    ref: ActorRef[Any]
    size: int
    """Messages that wait."""
    callers: int = 0
    """Callers that wait in `offer`, where the mailbox is bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowHandler:
    """A handler holds the event loop: nothing else runs meanwhile."""

    ref: ActorRef[Any]
    message_type: str
    """Or a step of the actor's life, such as "(starting)"."""
    seconds: float
    stack: str
    """Where the handler was when it was noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendedHandler:
    """A handler has awaited something for long: its actor handles nothing else meanwhile.

    Published when a handling has taken as long as the setting says, and again whenever that time has doubled.
    """

    ref: ActorRef[Any]
    message_type: str
    """Or a step of the actor's life, such as "(recovering)"."""
    seconds: float
    stack: str
    """Where it waits."""


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True, kw_only=True)
class SpyEvent(Generic[M]):  # noqa: UP046  # its variable has a default
    """What `Behaviors.spy` tells its observer after each message."""

    actor_path: str
    event: M | Terminated
    timestamp: float
    """Seconds on the event loop's monotonic clock."""


@dataclass(frozen=True, slots=True)
class MemberUp:
    """A node is a full member of the cluster."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A node is no longer a member: it left, was downed or was replaced by a newer incarnation."""

    member: Member


@dataclass(frozen=True, slots=True)
class UnreachableMember:
    """Some member cannot reach this one. That may pass: nothing is decided by it."""

    member: Member


@dataclass(frozen=True, slots=True)
class ReachableMember:
    """Every member can reach this one again."""

    member: Member


@dataclass(frozen=True, slots=True)
class NodeDowned:
    """This node was downed, and is no longer a member: its actors restart or stop, as configured."""

    reason: str


@dataclass(frozen=True, slots=True)
class NodeRejected:
    """This node is a member of no cluster and will not become one: it was rejected for good, or another process has
    taken its address. What follows is a setting, `when_rejected`.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class NodeRejoined:
    """This node is a member again, as another incarnation."""

    member: Member


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardStarted:
    """A shard of a region runs on this node of a cluster. The reason is what has brought it here."""

    region: str
    shard: int
    epoch: int
    reason: ShardReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardStopped:
    """A shard of a region, and each of its entities, has stopped on this node of a cluster."""

    region: str
    shard: int
    epoch: int
    reason: ShardReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardUnavailable:
    """A replicated shard waits for copies on this node, which is to run it, for five seconds now, or for others now."""

    region: str
    shard: int
    reason: str
    """Which copies are missing, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMoved:
    """A shard runs on another node than before. Published on the node of the region's coordinator, for all nodes."""

    region: str
    shard: int
    epoch: int
    """That of the new owner."""
    source: NodeId
    """The owner before."""
    owner: NodeId
    reason: ShardReason
