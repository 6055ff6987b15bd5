"""Messages between the copies of one replicated shard, see `protocol.replication`.

Each names the epoch that it belongs to. The shard, and the copies that send and receive it, are named by its frame: a
copy has the name of its disk's content, so that a message for a copy that was wiped never reaches the empty one that
follows on the same node. Messages may be lost, repeated and reordered on their way. Their frames are those of
`wire.copies`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from casty.serialization import message

type CopyId = str
"""The name of one copy of a shard. It is drawn when the copy is created, and kept with it: a wiped one is new."""


type KnownLives = tuple[tuple[CopyId, int, int], ...]
"""By copy: the number of its last start that is known, and what the copy has drawn at it."""


@message("casty.replication.Epoch")
class Epoch(NamedTuple):
    """The ballot of a primary: one epoch has one primary, and the higher one is the later one."""

    counter: int
    coordinator: int
    """The uid of the coordinator that has issued it."""


@message("casty.replication.Position")
class Position(NamedTuple):
    """An event's place in the history of an entity. Histories that hold an event of one position are equal up to it."""

    epoch: Epoch
    """That of the primary that has written the event."""
    sequence_nr: int
    """From 1, without gaps; 0 is before the first event."""


class Entry(NamedTuple):
    """An event of a history; the message that contains it says which number it has."""

    epoch: Epoch
    payload: bytes


type Run = tuple[int, int, tuple[bytes, ...]]
"""Entries of one epoch as they are sent: its counter, its coordinator and the payloads of the events. Plain values: a
named epoch takes 60 bytes, and each entry would have one.
"""
type Runs = tuple[Run, ...]
type Positions = tuple[tuple[int, int, dict[str, int]], ...]
"""Positions of many entities as they are sent: for each epoch its counter, its coordinator, and the number of the last
event of each entity whose last event is of it.
"""

BEFORE: Final = Epoch(0, 0)
"""Before the first primary."""
START: Final = Position(BEFORE, 0)
"""Before the first event."""


type Lineage = tuple[tuple[int, int, int], ...]
"""Which primary has written each event of a history, without the events: for each epoch its counter, its coordinator,
and the number of its last event.
"""


def to_run(epoch: Epoch, payloads: tuple[bytes, ...]) -> Run:
    return epoch.counter, epoch.coordinator, payloads


def to_runs(entries: Iterable[Entry]) -> Runs:
    runs = groupby(entries, key=lambda entry: entry.epoch)
    return tuple(to_run(epoch, tuple(entry.payload for entry in run)) for epoch, run in runs)


def to_entries(runs: Iterable[tuple[int, int, Iterable[bytes]]]) -> tuple[Entry, ...]:
    return tuple(
        Entry(epoch, payload)
        for counter, coordinator, payloads in runs
        for epoch in (Epoch(counter, coordinator),)
        for payload in payloads
    )


def to_positions(positions: Iterable[tuple[str, Position]]) -> Positions:
    by_epoch: dict[Epoch, dict[str, int]] = {}
    for entity, (epoch, sequence_nr) in positions:
        by_epoch.setdefault(epoch, {})[entity] = sequence_nr
    return tuple((epoch.counter, epoch.coordinator, numbers) for epoch, numbers in by_epoch.items())


def from_positions(positions: Positions) -> Iterator[tuple[str, Position]]:
    for counter, coordinator, numbers in positions:
        epoch = Epoch(counter, coordinator)
        yield from ((entity, Position(epoch, number)) for entity, number in numbers.items())


@message("casty.replication.Group")
class Group(NamedTuple):
    """Copies that keep a shard together."""

    copies: tuple[CopyId, ...]
    """The primary's first."""
    min_acks: int
    """Copies beside the primary's that must have stored an event before it is acknowledged."""


@message("casty.replication.View")
@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The copies that keep the shard from this epoch on, and what counts as stored in it."""

    epoch: Epoch
    copies: tuple[CopyId, ...]
    min_acks: int
    former: tuple[Group, ...] = ()
    """Earlier groups of which some copies may not know this view. None of them: the view has taken over for good."""
    forced: tuple[Epoch, ...] = ()
    """Epochs at which an operator has accepted the loss of acknowledged events."""

    @property
    def group(self) -> Group:
        return Group(self.copies, self.min_acks)


class _WithEntries:
    """A message with entries, as runs."""

    __slots__ = ()
    runs: Runs

    @property
    def entries(self) -> tuple[Entry, ...]:
        return to_entries(self.runs)

    @property
    def count(self) -> int:
        """How many entries there are."""
        return sum(len(payloads) for _, _, payloads in self.runs)


# From a primary, or a node that is about to be it, to a copy


@message("casty.replication.Prepare")
@dataclass(frozen=True, slots=True)
class Prepare:
    """Promise to obey no lower epoch, and report."""

    epoch: Epoch
    lives: KnownLives = ()


@message("casty.replication.Replicate")
@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate(_WithEntries):
    """Store the entries behind `previous`, in place of what differs from them. No entries: compare only."""

    epoch: Epoch
    entity: str
    previous: Position
    start: int
    """The last event that the primary's history has from before its epoch. Later ones of the copy are none of it."""
    runs: Runs


@message("casty.replication.Install")
@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """Keep the state after these events in place of them; have this history up to there if it was another one."""

    epoch: Epoch
    entity: str
    start: int
    """As in `Replicate`."""
    lineage: Lineage
    state: bytes


@message("casty.replication.Confirm")
@dataclass(frozen=True, slots=True)
class Confirm:
    """All histories of the copy are those of the primary: store that, as of this epoch."""

    epoch: Epoch
    lives: KnownLives = ()


@message("casty.replication.Seal")
@dataclass(frozen=True, slots=True)
class Seal:
    """This view keeps the shard from now on: store that. It is sent once more when the view has taken over for good."""

    epoch: Epoch
    view: View


@message("casty.replication.Fetch")
@dataclass(frozen=True, slots=True)
class Fetch:
    """Reply with the entries of the entity behind `after`, as many as a message may hold."""

    epoch: Epoch
    entity: str
    after: int


@message("casty.replication.Verify")
@dataclass(frozen=True, slots=True)
class Verify:
    """Reply if no higher epoch is promised. Rounds of one epoch are numbered."""

    epoch: Epoch
    number: int


# The replies


@message("casty.replication.Promised")
@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """The promise, and a part of the report. Parts of one epoch always divide the same report in the same way."""

    epoch: Epoch
    view: View | None
    """The newest view that the copy knows to be sealed; None: it is new."""
    confirmed: Epoch
    """As of which epoch its histories were last confirmed as a whole."""
    positions: Positions
    """The last event of each entity."""
    part: int
    parts: int
    lives: KnownLives = ()
    """What the copy knows, its own life among it."""


@message("casty.replication.Rejected")
@dataclass(frozen=True, slots=True)
class Rejected:
    """The copy has promised a higher epoch."""

    epoch: Epoch
    promised: Epoch


@message("casty.replication.Acknowledge")
@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The copy has stored the primary's history of the entity up to this event, and nothing else behind it."""

    epoch: Epoch
    entity: str
    sequence_nr: int


@message("casty.replication.Need")
@dataclass(frozen=True, slots=True)
class Need:
    """The copy does not have the event that the entries follow: try it from behind `after`."""

    epoch: Epoch
    entity: str
    after: int


@message("casty.replication.Confirmed")
@dataclass(frozen=True, slots=True)
class Confirmed:
    epoch: Epoch


@message("casty.replication.Sealed")
@dataclass(frozen=True, slots=True)
class Sealed:
    epoch: Epoch
    for_good: bool
    """Whether the copy knows that the view has taken over for good."""


@message("casty.replication.Verified")
@dataclass(frozen=True, slots=True)
class Verified:
    """The copy had promised no higher epoch when `Verify` arrived."""

    epoch: Epoch
    number: int


@message("casty.replication.Fetched")
@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched(_WithEntries):
    """The entries behind `previous`; none at the end of the history."""

    epoch: Epoch
    entity: str
    previous: Position
    runs: Runs


@message("casty.replication.FetchedSnapshot")
@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedSnapshot:
    """The state after more events than those up to `previous`, where the ones behind it are not kept."""

    epoch: Epoch
    entity: str
    previous: Position
    lineage: Lineage
    state: bytes


type ToReplica = Prepare | Replicate | Install | Confirm | Seal | Fetch | Verify
type ToPrimary = Promised | Rejected | Acknowledge | Need | Confirmed | Sealed | Fetched | FetchedSnapshot | Verified
