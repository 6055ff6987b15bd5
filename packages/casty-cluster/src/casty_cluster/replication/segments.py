"""Segments of the streams of copies as readers need them, and those that were read last.

A segment has the changes of many entities, and a journal reads it as a whole. When all entities of a shard start, or a
copy is caught up, each would read it once more.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, final

from casty_cluster.protocol.replication.stored import StoreEntries, StoreSnapshot
from casty_cluster.replication.records import Record
from casty_cluster.wire.replication import Entry

RECORD: Final = 100
"""Bytes of a change beside its payload, about."""
CACHED: Final = 8 * 1024 * 1024
"""Bytes in the journal, about, of the segments that are kept in memory: some hundred of small events."""


def size_of(record: Record) -> int:
    """Bytes in the journal, about."""
    match record:
        case StoreEntries(entity, _, entries):
            return RECORD + len(entity) + sum(len(entry.payload) for entry in entries)
        case StoreSnapshot(entity, _, state):
            return RECORD + len(entity) + len(state)
        case _:
            return RECORD


@final
class Segment:
    """What a segment has. `Places` tells which of it is still part of a history."""

    __slots__ = ("events", "size", "states")

    def __init__(self, records: Iterable[Record]) -> None:
        self.events: dict[str, dict[int, Entry]] = {}
        """By entity and number: the last event with each number."""
        self.states: dict[str, StoreSnapshot] = {}
        """By entity: the last state."""
        self.size = 0
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add the next record of the segment."""
        self.size += size_of(record)
        if isinstance(record, StoreEntries):
            self.events.setdefault(record.entity, {}).update(enumerate(record.entries, record.after + 1))
        elif isinstance(record, StoreSnapshot):
            self.states[record.entity] = record


@final
class SegmentCache:
    """The segments that were read last, of many copies; those that were not used for longest make room."""

    def __init__(self, limit: int = CACHED) -> None:
        self._limit = limit
        self._segments: OrderedDict[object, Segment] = OrderedDict()
        self._size = 0

    def get(self, key: object) -> Segment | None:
        segment = self._segments.get(key)
        if segment is not None:
            self._segments.move_to_end(key)
        return segment

    def put(self, key: object, segment: Segment) -> None:
        """`key`: not of one that is there."""
        self._segments[key] = segment
        self._size += segment.size
        self._make_room()

    def add(self, key: object, record: Record) -> None:
        """Where the segment of that key is there, add its next record."""
        segment = self._segments.get(key)
        if segment is not None:
            self._size -= segment.size
            segment.add(record)
            self._size += segment.size
            self._make_room()

    def _make_room(self) -> None:
        while self._size > self._limit:
            _, oldest = self._segments.popitem(last=False)
            self._size -= oldest.size
