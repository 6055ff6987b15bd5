"""What a journal backend implements: rows of bytes in, rows of bytes out; it never sees a user's types.

A backend is named by a URL scheme and offered through the hook `casty_journals` as a `JournalProvider`
(`casty.plugins.providers`). Its `open` is an async context manager that yields a `JournalStore` and closes it on exit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol

SPI: Final = 1

LAST_SEQUENCE_NR: Final = 2**63 - 1
"""The highest number that a store can hold; as an upper bound, all of them."""

DEFAULT_SERIALIZER: Final = "msgpack"
"""The name of the serializer of a record that does not name the one that wrote it."""


class JournalKind(Enum):
    """Which nodes can read what one node writes."""

    local = "local"
    """This node alone: a file, or memory."""
    centralized = "centralized"
    """Every node: a database server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCapabilities:
    """What a store promises beyond the protocol."""

    durable: bool
    """An append that returned survives `kill -9` and power loss."""
    kind: JournalKind = JournalKind.local
    fencing: bool = False
    """It is a `FencingStore`. Entities claim fences of their own on a centralized store only; see there."""
    ordered: bool = False
    """It is an `OrderedStore`."""
    deleting: bool = False
    """It is a `DeletingStore`."""
    read_only: bool = False
    """Its options have a `read_only: bool`, with which it opens only what there is, also beside its owner, and neither
    makes nor changes anything; what would write raises `JournalError`.
    """
    concurrent_appends: int = 1
    """How many concurrent calls of `append` it supports and is faster with. No two of them hold events
    of the same entity.
    """
    threaded: bool = False
    """It works in a thread of this process, which gets no turn while the event loop is saturated, unless the runtime
    sees to it.
    """


class EventRecord(NamedTuple):
    """One stored event."""

    entity_id: str
    sequence_nr: int
    """From 1, without gaps, per entity."""
    epoch: int
    """The ownership epoch under which it was written; 0 where nothing fences."""
    writer: str
    """The writer: the owner that claimed the epoch, or an incarnation of the entity where nothing fences."""
    event_id: bytes
    """16 bytes, unique for ever; the same event written twice has the same id."""
    manifest: str
    """The wire name of the event's type."""
    version: int
    """The schema version of that type."""
    payload: bytes
    timestamp: float
    """Seconds since the Unix epoch, by the writer's clock; for people, never for order."""
    tags: tuple[str, ...]
    serializer: str = DEFAULT_SERIALIZER
    """The name of the serializer that wrote the payload, and reads it, whichever is chosen by then."""


class SnapshotRecord(NamedTuple):
    """An entity's state after the event `sequence_nr`."""

    entity_id: str
    sequence_nr: int
    manifest: str
    version: int
    payload: bytes
    timestamp: float
    serializer: str = DEFAULT_SERIALIZER
    """As for events."""


type AppendGroup = Sequence[EventRecord]
"""Events of one entity with consecutive sequence numbers, stored all or not at all."""

type AppendOutcome = Exception | None
"""None: durable. An exception: nothing of that group was stored."""


class JournalStore(Protocol):
    """An open journal. Its methods may be called concurrently; `append` as often at a time as the capabilities say.

    Ids of entities are any text without NUL characters, and two that differ in anything are two entities. A call that
    is cancelled has done all that it was asked for or nothing, and the store goes on. Once the store is closed, every
    call raises `JournalClosedError`. A call that would return an event that cannot be read any more, as it is damaged,
    raises a `JournalError` that names it, and never leaves it out: a history with a hole is a wrong state. A damaged
    snapshot may be left out for an older one, with a warning.
    """

    @property
    def capabilities(self) -> JournalCapabilities: ...

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        """Store many groups in as few commits as the backend can, and return one outcome per group, in their order.

        A group is stored if its first sequence number follows the entity's highest stored one (groups of one call
        count for those after them), else its outcome is `SequenceConflictError`. A group behind a refused one of the
        same entity and writer is refused too, whatever its number; other groups never suffer from a bad one. A group
        whose events are stored already, each under its number with the same event id, has the outcome None and is not
        stored again: so a write whose outcome is unknown may be repeated. Once
        this returns, groups with the outcome None are as durable as the capabilities say. An exception raised by the
        call itself means that the outcome of every group is unknown.
        """
        ...

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        """The entity's events between the two numbers (both inclusive), ascending, at most `limit` of them."""
        ...

    async def highest_sequence_nr(self, entity_id: str) -> int:
        """The number of the last event that was stored for the entity, 0 if there has been none."""
        ...

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        """Store a snapshot and keep the entity's newest `keep` ones. An older snapshot never replaces a newer one."""
        ...

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        """The entity's newest snapshot whose number is at most `to_sequence_nr`."""
        ...


class FencingStore(JournalStore, Protocol):
    """A store in which a new owner shuts out the old one, whatever that one still has on its way.

    An event-sourced actor claims the fence of its entity when it starts, if the store is centralized. A local store has
    one owning process, where the numbers of events are enough: it may be fencing, but no fence of an entity is claimed
    there, which would be a commit for each start of an actor, and its events have the epoch 0. The fence of a shard is
    claimed on both, with the epoch that the shard's owner was given.

    A fence is a key with an owner and an epoch. An event whose `epoch` is not 0 is stored only while there is a fence
    whose owner is the event's `writer` and whose epoch is the event's; else the outcome of its group is `FencedError`,
    also where its number is taken. What is stored already is acknowledged all the same when it is repeated. An owner's
    name must be unique for ever and hold one fence only, for example drawn at random for each incarnation: the fence is
    found by it.

    An owner may write events of many entities under its fence, as the owner of a shard does. A refused event of one of
    them then says nothing about the others. A store should look up a fence once for each batch, not for each event.
    """

    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        """Make `owner` the owner of the fence `key`, and return the epoch that it holds from now on.

        `epoch` must be above 0 and higher than the fence's, or the same with the same owner; None takes the next one.
        It may be any number up to 2**63 - 1. Waits for appends of the old owner that are in flight, so that what is
        read afterwards is all that it will ever have written. A claim by the owner with its own epoch changes nothing,
        and should cost no more than a read: each entity of a shard repeats the claim when it starts.

        Raises `FencedError` for an epoch that is too low, and changes nothing; its `held` is the epoch that the fence
        has, 0 if it was never claimed.
        """
        ...


class OrderedEvent(NamedTuple):
    """An event with its place among all events of the journal."""

    offset: int
    """From 1, growing; gaps mean nothing."""
    record: EventRecord


class OrderedStore(JournalStore, Protocol):
    """A store whose events can be read in one order that never changes and in which no event appears late."""

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        """Up to `limit` events with an offset above `after`, ascending; with `tags`, those that have at least one of
        them.

        A reader that continues after the last offset that was returned never misses an event, also not one that is
        being written at the same time: an event is not shown before every event with a smaller offset is decided.
        """
        ...

    async def highest_offset(self) -> int:
        """The highest offset that an event was ever given, also one that is deleted by now; 0 before the first.

        It may be that of an event that `read` does not show yet, or whose append has failed.
        """
        ...

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        """Up to `limit` ids of entities that have events, greater than `after`, ascending by their UTF-8 bytes."""
        ...


class DeletingStore(JournalStore, Protocol):
    """A store that can forget the beginning of an entity's history.

    Numbers outlive their events: none is ever given twice. `highest_sequence_nr` stays what it was, also when all
    events are deleted and when the store is opened again, and the next event is the one after it. An event with the
    number of a deleted one is refused as a conflict, also if it is a repetition: the event was known to be stored
    before it was deleted.
    """

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        """Delete the entity's events up to that number (inclusive), all at once; those that there are not, or not any
        more, do not matter. No read returns them from then on, whether by entity, in order or by tag. Snapshots stay.

        Asks for no epoch: an owner deletes what an event of its own has superseded, and that stays superseded whichever
        node owns the entity by then.
        """
        ...
