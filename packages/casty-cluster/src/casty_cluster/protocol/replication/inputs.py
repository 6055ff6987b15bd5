"""What the machines of this room are given, beside `Tick`."""

from dataclasses import dataclass

from casty_cluster.wire.replication import CopyId, Epoch, Fetched, FetchedSnapshot, View


@dataclass(frozen=True, slots=True)
class Received[M]:
    """A message from that copy, for this one."""

    sender: CopyId
    message: M


@dataclass(frozen=True, slots=True)
class Stored:
    """The change of that number is durable, and all before it."""

    number: int


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The change of that number may be stored or not, and so may those behind it, which are not attempted."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `Load` has read."""

    to: CopyId
    fetched: Fetched | FetchedSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """Become the primary of an epoch that has not been granted before."""

    epoch: Epoch
    copies: tuple[CopyId, ...]
    """Those that are to keep the shard, this one first."""
    min_acks: int
    previous: View | None
    """The newest view that any copy has reported; None: no copy knows of one."""
    founders: tuple[CopyId, ...] = ()
    """Where there is no previous view: copies of which a majority must know of none, see `promises`. All coordinators
    of one membership name the same. Empty: the copies of the new view.
    """
    allow_data_loss: bool = False
    """An operator has decided to go on with what the copies within reach have, however few they are."""


@dataclass(frozen=True, slots=True)
class Append:
    """Add events to the history of an entity, behind that number."""

    entity: str
    after: int
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SaveSnapshot:
    """Have the copies keep this state of an entity in place of the events up to that number, which are committed."""

    entity: str
    sequence_nr: int
    state: bytes


@dataclass(frozen=True, slots=True)
class AwaitCopies:
    """Report `CaughtUp` as soon as a primary without this copy would have all that was acknowledged."""


@dataclass(frozen=True, slots=True)
class Read:
    """Report what a linearizable read of an entity may show, under that number, as `Readable` or `Unreadable`."""

    number: int
    entity: str
