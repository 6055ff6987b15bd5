"""What the machines of this room ask of their shell, and what those of one node tell each other."""

from dataclasses import dataclass
from enum import Enum

from casty.member import NodeId
from casty.regions import ShardReason

from casty_cluster.wire.sharding import CopyOrder, ShardCopies


@dataclass(frozen=True, slots=True)
class SendUser[W]:
    """Send the message to that incarnation on the user lane, in order with all others of this region."""

    to: NodeId
    message: W


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver[M]:
    """Hand the message to the entity, behind all that were handed to it. Start the entity if it does not run; where
    it is about to be passivated, keep the message and start the entity again after it has stopped.
    """

    shard: int
    entity: str
    message: M


class DropCause(Enum):
    overflow = "overflow"
    """The buffer of the region is full. An ask fails with `OverloadedError`."""
    expired = "expired"
    late_bounce = "late bounce"
    """It came back from a node that this one has left behind, as only removed nodes return messages."""
    unsent = "unsent"
    """It was not sent to a node that this one has left behind. An ask fails with `NodeUnreachableError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop[M]:
    """The message is undeliverable."""

    shard: int
    entity: str
    message: M
    cause: DropCause
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim the fence of the shard at this epoch, replay what belongs to the shard, and report the outcome.

    The owner's name at the fence is unique for the incarnation, the region and the shard. Where the shard was halted
    before, its entities stop first. An outage of the journal has no outcome: claim again until it is over or a `Halt`
    follows.
    """

    shard: int
    epoch: int
    copies: ShardCopies | None = None
    """Where the shard is replicated: make the copy of this node the primary of these."""


@dataclass(frozen=True, slots=True)
class ReportCopies:
    """Send all copies on this node to the coordinator of that term in `CopyReport`s; with an order: carry it out, and
    report what that has changed.
    """

    coordinator: NodeId
    term: int
    order: CopyOrder | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The shard runs from now on: start the entities that it remembers."""

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Let the entities of the shard handle what they have accepted, what arrived during a passivation among it. Stop
    them, then report `Drained`.
    """

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Halt:
    """Cancel the claim, or the entities of the shard. Messages that they have not handled are undeliverable."""

    shard: int
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Warn:
    """A line for the operator's log."""

    text: str
    kind: str
    """What it is about: many of one kind, for one cause, need not all be logged."""


@dataclass(frozen=True, slots=True)
class Opened:
    """From the owner to the sender of a node: the shard runs here at this epoch."""

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Closed:
    """From the owner to the sender of a node: this epoch accepts no more messages."""

    shard: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ShardRuns:
    """For operators: the shard runs on this node."""

    shard: int
    epoch: int
    reason: ShardReason


@dataclass(frozen=True, slots=True)
class ShardEnds:
    """For operators: the shard has run on this node, and does not any more."""

    shard: int
    epoch: int
    reason: ShardReason


@dataclass(frozen=True, slots=True)
class ShardLeaves:
    """For operators, from the coordinator: the shard is taken from its owner."""

    shard: int
    owner: NodeId
    reason: ShardReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardArrives:
    """For operators, from the coordinator: the shard runs on another node than before."""

    shard: int
    epoch: int
    source: NodeId
    owner: NodeId
    reason: ShardReason


type Note = ShardRuns | ShardEnds | ShardLeaves | ShardArrives
"""What operators learn of. No machine depends on it."""


def shard_reason(text: str) -> ShardReason:
    """The reason in a message."""
    try:
        return ShardReason(text)
    except ValueError:
        return ShardReason.other
