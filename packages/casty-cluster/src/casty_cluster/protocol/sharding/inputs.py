"""What the machines of this room are given, beside `Tick`."""

from dataclasses import dataclass

from casty.member import ClusterState, NodeId

from casty_cluster.protocol.sharding.effects import Closed, Opened
from casty_cluster.wire.sharding import Bounce, FlushAck, Forget, Message, ShardHome


@dataclass(frozen=True, slots=True)
class Viewed:
    """The membership as this node sees it now."""

    state: ClusterState


@dataclass(frozen=True, slots=True)
class Present:
    """The members as this node sees them, without downed ones; `is_up`: whether this node is up."""

    members: frozenset[NodeId]
    is_up: bool


@dataclass(frozen=True, slots=True)
class Received[W]:
    """A message of `wire.sharding` from that member."""

    node: NodeId
    message: W


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch[M]:
    """An actor of this node sends a message to an entity."""

    shard: int
    entity: str
    message: M
    size: int = 0
    """Bytes that it takes in a buffer."""
    deadline: float | None = None
    """That of an ask; None: a tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced[M]:
    """A `Bounce` from that node; the rest as in `Dispatch`."""

    node: NodeId
    bounce: Bounce[M]
    size: int = 0
    deadline: float | None = None

    def unsent_to(self, owner: NodeId) -> "Unsent[M]":
        """The same message, which has not reached that owner."""
        bounce = self.bounce
        message = Message(shard=bounce.shard, epoch=bounce.epoch, entity=bounce.entity, message=bounce.message)
        return Unsent(node=owner, message=message, size=self.size, deadline=self.deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent[M]:
    """A message to that node has not reached it, and never will: the transport has dropped it, or another incarnation
    has returned it. The rest as in `Dispatch`.
    """

    node: NodeId
    message: Message[M]
    size: int = 0
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a new connection to that node: what was sent over the old one may be lost."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Quiesce:
    """This node leaves, and its actors send no more messages: see to it that none is under way."""


type ForSender[M] = (
    Dispatch[M]
    | Bounced[M]
    | Unsent[M]
    | Received[ShardHome | Forget | FlushAck]
    | Opened
    | Closed
    | Follow
    | Present
    | Connected
    | Quiesce
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """This node holds the fence of the shard at this epoch, and has replayed what belongs to the shard."""

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ClaimRefused:
    """The fence is held at epoch `held`, by another owner."""

    shard: int
    epoch: int
    held: int


@dataclass(frozen=True, slots=True)
class Drained:
    """No entity of the shard runs any more, and none has a message that it accepted at this epoch."""

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """The journal refused an append, or the claim of an entity, at this epoch: another node owns the shard."""

    shard: int
    epoch: int
    held: int | None = None
    """The epoch at which the fence is held, where the journal says."""


@dataclass(frozen=True, slots=True)
class Enable:
    """The region was spawned: this node can run shards from now on."""

    remembers: bool = False
    """Whether the entities of the region are remembered."""
    role: str | None = None
    copies: tuple[int, int, str] | None = None
    """Both as in `wire.sharding.Report`."""


@dataclass(frozen=True, slots=True)
class Follow:
    """The node has promised the term of this coordinator."""

    coordinator: NodeId


@dataclass(frozen=True, slots=True)
class Retire:
    """This node is about to announce that it leaves."""


@dataclass(frozen=True, slots=True)
class Rebalance:
    """Move shards now, as a round of rebalancing does."""


@dataclass(frozen=True, slots=True)
class DrainAll:
    """No member stays to hand shards to: stop them all, after the entities have handled what they accepted."""
