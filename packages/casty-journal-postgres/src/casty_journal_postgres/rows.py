"""Records as rows of the tables, and back. Each row has a checksum of its payload, which readers verify.

The name of the default serializer is not stored: it is the one that wrote a row without a name.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from casty.errors import JournalError
from casty.spi.journal import DEFAULT_SERIALIZER, EventRecord, SnapshotRecord


def event_row(record: EventRecord) -> tuple[object, ...]:
    """As a value of the type of the table `events`; its place is given to it by the statement."""
    *fields, tags, serializer = record
    return (None, *fields, tags or None, crc32(record.payload), _stored(serializer))


def event_of(row: Sequence[Any], journal: str) -> EventRecord:
    """Raises `JournalError` for a row that is damaged."""
    *fields, tags, checksum, serializer = row
    record = EventRecord._make((*fields, tuple(tags or ()), serializer or DEFAULT_SERIALIZER))
    if crc32(record.payload) != checksum:
        raise JournalError(
            f"event {record.sequence_nr} of {record.entity_id!r} in the PostgreSQL journal {journal} is damaged: "
            "its bytes do not match their checksum; restore a backup"
        )
    return record


def snapshot_row(snapshot: SnapshotRecord) -> tuple[object, ...]:
    *fields, serializer = snapshot
    return (*fields, crc32(snapshot.payload), _stored(serializer))


def snapshot_of(row: Sequence[Any]) -> tuple[SnapshotRecord, bool]:
    """The snapshot, and whether its checksum matches."""
    *fields, checksum, serializer = row
    snapshot = SnapshotRecord._make((*fields, serializer or DEFAULT_SERIALIZER))
    return snapshot, crc32(snapshot.payload) == checksum


def _stored(serializer: str) -> str | None:
    return None if serializer == DEFAULT_SERIALIZER else serializer
