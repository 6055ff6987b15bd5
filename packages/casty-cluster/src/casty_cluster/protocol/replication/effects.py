"""What the machines of this room ask of their shell."""

from dataclasses import dataclass

from casty_cluster.protocol.replication.stored import Change
from casty_cluster.wire.replication import CopyId, Epoch, Fetch, View


@dataclass(frozen=True, slots=True)
class Send[M]:
    """Send the message to that copy. It may be lost, repeated, and overtaken by others."""

    to: CopyId
    message: M


@dataclass(frozen=True, slots=True)
class Store:
    """Store the change behind all earlier ones, durably, and report `Stored` or `StoreFailed`."""

    number: int
    change: Change


@dataclass(frozen=True, slots=True)
class Load:
    """Read what `Fetch` asks for, behind all changes asked for so far, and report it as `Loaded`. Where that fails,
    report nothing: it is asked for again.
    """

    to: CopyId
    fetch: Fetch


@dataclass(frozen=True, slots=True)
class Reload:
    """The disk has failed, and what it holds is unknown: drop the machine, and make another one of what it holds."""

    reason: str


@dataclass(frozen=True, slots=True)
class Outdated:
    """The disk is an old one of this copy, and has forgotten promises: drop the machine and the copy, and make an empty
    copy of another name.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Activated:
    """This copy is the primary: all that its histories hold counts as stored, and it takes new events."""

    view: View


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The copy is not the primary yet, for a while now: for the operator's log, and the state of the shard."""

    epoch: Epoch
    reason: str


@dataclass(frozen=True, slots=True)
class Committed:
    """All events of the entity up to this one are stored for good: the output that depends on them may go."""

    entity: str
    sequence_nr: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Too few copies have stored the events up to this one in time. They may still, and `Committed` follows then."""

    entity: str
    sequence_nr: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The events that were to follow this one are not part of the history, and have gone to no copy."""

    entity: str
    after: int
    reason: str


@dataclass(frozen=True, slots=True)
class Readable:
    """What was acknowledged before the read, by any primary, is part of the history up to this event."""

    read: int
    sequence_nr: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """This copy cannot tell what is current: it is not the primary, or not certain of it."""

    read: int
    reason: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """So many other copies have all that was acknowledged that the next primary has it too. Or this one has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """This copy is not the primary of that epoch any more, and will not be: nothing further is stored at it.

    What was not committed by then may be stored or not; the next primary decides.
    """

    epoch: Epoch
    reason: str
    promised: Epoch | None = None
    """The higher epoch that ended it; None: it ended without one."""
