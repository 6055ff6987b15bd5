"""The regions of sharded behaviors as an operator sees them: which node runs each shard, and which shards move."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from casty.node_id import NodeId


class ShardStatus(Enum):
    """How far a shard has come that has an owner."""

    starting = "starting"
    """Its owner was granted the shard, and does not accept messages yet."""
    running = "running"
    moving = "moving"
    """Its owner is to stop the shard: its entities handle what they have accepted, and another owner follows."""


class ShardReason(Enum):
    """Why a shard starts, stops or moves."""

    requested = "requested"
    """A message was sent to one of its entities."""
    remembered = "remembered"
    """Its entities are remembered, so it runs without being asked for."""
    rebalanced = "rebalanced"
    """Another node has fewer shards, or the allocation strategy prefers another one."""
    leaving = "leaving"
    """Its node leaves the cluster, or is drained."""
    removed = "removed"
    """Its node was removed from the cluster."""
    late = "late"
    """Its node did not start it in time."""
    replicated = "replicated"
    """Its copies change: a copy was lost with its node, or is to be on another one."""
    fenced = "fenced"
    """The journal has another owner of the shard."""
    downed = "downed"
    """This node is no longer a member of the cluster, or was removed by its coordinator and granted the shard anew."""
    shutdown = "shutdown"
    """All members leave, or this node has left before the shard could be handed over."""
    other = "other"
    """A reason that only newer versions know."""


class ShardState(NamedTuple):
    """A shard that has an owner, or a replicated one that cannot have one now: see `obstacle`. The others have not been
    needed yet, or wait for a node that can run them.
    """

    shard: int
    owner: NodeId | None
    """None for a shard of a local `ActorSystem`, and for one whose copies are all away."""
    epoch: int
    """Grows with each owner. 0 for a shard of a local `ActorSystem`."""
    status: ShardStatus = ShardStatus.running
    target: NodeId | None = None
    """The node to which a shard moves, if that has been decided: else it is when the owner has stopped."""
    entities: int | None = None
    """Active entities, where the owner has been asked."""
    obstacle: str = ""
    """Why the owner does not run a replicated shard, where it has been asked: which copies are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionState:
    """The shards of a region, as far as the node knows that was asked."""

    name: str
    num_shards: int
    shards: tuple[ShardState, ...]
    """By number."""
    coordinator: NodeId | None = None
    """The node that decides which node runs which shard; None while there is none, and on a local `ActorSystem`."""
    nodes: tuple[NodeId, ...] = ()
    """The nodes that can run shards, the oldest first, where the coordinator is known to know them."""
    missing: tuple[NodeId, ...] = ()
    """The nodes whose shards may be missing here: they have not replied, or have not reported to the coordinator."""

    @property
    def is_complete(self) -> bool:
        """Whether every shard that has an owner is listed."""
        return not self.missing

    @property
    def moving(self) -> tuple[ShardState, ...]:
        """The moves in progress."""
        return tuple(shard for shard in self.shards if shard.status is ShardStatus.moving)

    @property
    def entities(self) -> int:
        """Active entities of all shards whose owners have been asked."""
        return sum(shard.entities or 0 for shard in self.shards)

    def on(self, node: NodeId | None) -> tuple[ShardState, ...]:
        """The shards of that owner."""
        return tuple(shard for shard in self.shards if shard.owner == node)


class ShardMove(NamedTuple):
    """A shard that is handed from its owner to another node."""

    shard: int
    owner: NodeId
    target: NodeId


@dataclass(frozen=True, slots=True)
class Rebalancing:
    """The outcome of `rebalance`: the moves that have begun, or why there are none."""

    moves: tuple[ShardMove, ...] = ()
    reason: str = ""
    """Empty if there are moves."""
