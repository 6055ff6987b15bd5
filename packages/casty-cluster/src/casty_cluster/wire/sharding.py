"""Messages between nodes about the shards of one region, see `protocol.sharding`.

The first group travels over system links: reliable, in order, in a `Batch` that names the region. `Message`, `Bounce`,
`Flush` and `FlushAck` travel on the user lane, in order with each other: what one of them says about those before it
would be wrong on any other lane. They have frames of their own, see `wire.entities`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from casty.member import NodeId
from casty.serialization import message

from casty_cluster.wire.replication import CopyId, Epoch, View


@message("casty.sharding.Batch")
@dataclass(frozen=True, slots=True)
class Batch:
    """What a node has to say about one region to another node, in the order in which it came up."""

    region: str
    num_shards: int
    """That of the sender: a node that does not have the region learns it from the first batch."""
    messages: tuple[bytes, ...]
    """Encoded one by one: a message that the receiver does not know takes no other one with it."""


class HostPhase(StrEnum):
    """What a region does with a shard that it was granted."""

    starting = "starting"
    """It claims the fence of the shard, and does not accept messages yet."""
    running = "running"
    draining = "draining"
    """Entities handle the accepted messages and stop. New messages are bounced."""


@message("casty.sharding.Hello")
@dataclass(frozen=True, slots=True)
class Hello:
    """The sender is the coordinator of this term: promise the term, report, and repeat pending requests."""

    term: int
    num_shards: int
    """A node that does not have the region yet learns it here."""


@message("casty.sharding.Report")
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The promise not to obey a lower term, and the shards of the sender; in chunks, for there may be many."""

    term: int
    able: bool
    """Whether the sender can run shards; a node that only sends messages to entities cannot."""
    num_shards: int
    hosted: tuple[tuple[int, int, str], ...]
    """Shard, epoch and `HostPhase` of each: plain values, which take a quarter of the bytes of named ones."""
    last: bool
    """Whether this is the last chunk."""
    remembers: bool = False
    """Whether the entities of the region are remembered, so that all of its shards have to run."""
    role: str | None = None
    """The role of the nodes that run shards, as the region was spawned on the sender; empty: all nodes do; None: the
    region is not spawned there.
    """
    copies: tuple[int, int, str] | None = None
    """`replicas`, `min_acks` and `spread` of the region where its shards are replicated; its copies follow in
    `CopyReport`s.
    """


@message("casty.sharding.Register")
@dataclass(frozen=True, slots=True)
class Register:
    """The region was spawned after the report: the sender can run shards from now on."""

    remembers: bool = False
    role: str | None = None
    copies: tuple[int, int, str] | None = None
    """All as in `Report`."""


@message("casty.sharding.GetHome")
@dataclass(frozen=True, slots=True)
class GetHome:
    """Reply with the home of the shard as soon as it has one with a higher epoch than `after`."""

    shard: int
    after: int


@message("casty.sharding.ShardHome")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShardHome:
    """The shard runs on `owner`, which accepts messages at this epoch."""

    term: int
    shard: int
    owner: NodeId
    epoch: int


@message("casty.sharding.KeepCopy")
@dataclass(frozen=True, slots=True)
class KeepCopy:
    """Keep a copy of the shard from now on, and report it."""

    term: int
    shard: int


@message("casty.sharding.KnowShards")
@dataclass(frozen=True, slots=True)
class KnowShards:
    """Store that these shards exist, and report it, whether the receiver has copies of them or not."""

    term: int
    shards: tuple[int, ...]


@message("casty.sharding.CopyState")
@dataclass(frozen=True, slots=True)
class CopyState:
    """A copy on the node that reports it."""

    shard: int
    copy: CopyId
    promised: Epoch
    view: View | None
    """The newest one that the copy knows."""


@message("casty.sharding.CopyReport")
@dataclass(frozen=True, slots=True)
class CopyReport:
    """Copies of the sender; in chunks, for there may be many, and again where there are further ones."""

    term: int
    copies: tuple[CopyState, ...]
    last: bool
    """Whether all copies have been reported by now."""
    known: tuple[int, ...] = ()
    """Shards that the sender has stored to exist."""


@message("casty.sharding.ShardCopies")
@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCopies:
    """The copies that are to keep a shard: what the promotion of the first one needs, see `protocol.replication`."""

    epoch: Epoch
    copies: tuple[CopyId, ...]
    min_acks: int
    previous: View | None
    forced: bool = False
    """Whether an operator accepts the loss of events that these copies do not have."""
    founders: tuple[CopyId, ...] = ()
    """Where there is no previous view: all copies of the shard that are known."""


@message("casty.sharding.FoundShard")
@dataclass(frozen=True, slots=True)
class FoundShard:
    """Have these copies, which are empty, keep the shard, and report that. Its entities are not to run yet."""

    term: int
    shard: int
    copies: ShardCopies


type CopyOrder = KeepCopy | KnowShards | FoundShard
"""What a coordinator has nodes do with copies before it grants a shard. They reply with a `CopyReport`."""


@message("casty.sharding.Grant")
@dataclass(frozen=True, slots=True)
class Grant:
    """Claim the fence of the shard, then run it."""

    term: int
    shard: int
    epoch: int
    reason: str = field(default="", compare=False)
    """The `ShardReason`. It is for operators, and changes nothing."""
    copies: ShardCopies | None = None
    """Where the shard is replicated: the receiver's copy is to become the primary."""


@message("casty.sharding.Started")
@dataclass(frozen=True, slots=True)
class Started:
    """The claim succeeded, and the shard runs."""

    shard: int
    epoch: int


@message("casty.sharding.Refused")
@dataclass(frozen=True, slots=True)
class Refused:
    """The claim was refused: the fence is held at epoch `held`."""

    shard: int
    epoch: int
    held: int


@message("casty.sharding.HandOff")
@dataclass(frozen=True, slots=True)
class HandOff:
    """Close the epoch, let the entities handle what was accepted, stop them, and reply with `Stopped`."""

    term: int
    shard: int
    epoch: int
    reason: str = field(default="", compare=False)
    """As in `Grant`."""


@message("casty.sharding.Stopped")
@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing of this epoch runs on the sender any more."""

    shard: int
    epoch: int


@message("casty.sharding.Forget")
@dataclass(frozen=True, slots=True)
class Forget:
    """The leaver owns no shard any more: leave all homes on it, and reply with `Forgotten`."""

    term: int
    leaver: NodeId


@message("casty.sharding.Forgotten")
@dataclass(frozen=True, slots=True)
class Forgotten:
    """The sender will not send messages for entities to the leaver any more."""

    term: int
    leaver: NodeId


@message("casty.sharding.MayStop")
@dataclass(frozen=True, slots=True)
class MayStop:
    """No node sends messages for entities to the receiver any more."""

    term: int


@message("casty.sharding.GetState")
@dataclass(frozen=True, slots=True)
class GetState:
    """Reply with `StateReport`: an operator wants to see the region."""

    number: int
    """Of the request, among those of its sender."""


@message("casty.sharding.StateReport")
@dataclass(frozen=True, slots=True, kw_only=True)
class StateReport:
    """What the sender knows of its own shards and, where it coordinates, of all; in chunks, for there may be many."""

    number: int
    """That of the request."""
    hosted: tuple[tuple[int, int, str, int], ...] = ()
    """Shard, epoch, `HostPhase` and active entities of each shard of the sender."""
    targets: tuple[tuple[int, NodeId], ...] = ()
    """Shards on the move that the coordinator has found a node for."""
    coordinates: bool = False
    nodes: tuple[NodeId, ...] = ()
    """The nodes that can run shards, for the coordinator."""
    missing: tuple[NodeId, ...] = ()
    """The nodes that have not reported to the coordinator."""
    last: bool = True
    """Whether this is the last chunk."""
    unavailable: tuple[tuple[int, str], ...] = ()
    """Shards of the sender that wait for copies, and why."""


@message("casty.sharding.ForcePromote")
@dataclass(frozen=True, slots=True)
class ForcePromote:
    """An operator accepts the loss of what the copies that are there do not have: go on, and reply with `Forced`."""

    number: int
    """As in `GetState`."""
    shard: int


@message("casty.sharding.Forced")
@dataclass(frozen=True, slots=True)
class Forced:
    """Copies are promoted without those that are missing."""

    number: int
    reason: str
    """Why they are not; empty if they are."""


@message("casty.sharding.RebalanceNow")
@dataclass(frozen=True, slots=True)
class RebalanceNow:
    """An operator wants a round of rebalancing now: reply with `Rebalanced`."""

    number: int
    """As in `GetState`."""


@message("casty.sharding.Rebalanced")
@dataclass(frozen=True, slots=True)
class Rebalanced:
    """What the round has begun."""

    number: int
    moves: tuple[tuple[int, NodeId, NodeId], ...]
    """Shard, owner and target."""
    reason: str
    """Why there are no moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message[M]:
    """A message for an entity, for the home that the sender knows: the receiver at this epoch."""

    shard: int
    epoch: int
    entity: str
    message: M

    def bounce(self) -> "Bounce[M]":
        return Bounce(shard=self.shard, epoch=self.epoch, entity=self.entity, message=self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce[M]:
    """A message that the sender did not accept and has forgotten."""

    shard: int
    epoch: int
    entity: str
    message: M


@dataclass(frozen=True, slots=True)
class Flush:
    """Reply with `FlushAck`: any node does at once, whether it owns the shard or not."""

    shard: int
    number: int


@dataclass(frozen=True, slots=True)
class FlushAck:
    """All messages for the shard from before the flush have arrived, and those not accepted are back."""

    shard: int
    number: int
