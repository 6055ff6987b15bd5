"""Records as rows of the tables, and back. Each row has a checksum of its payload, which readers verify.

The name of the default serializer is not stored: it is the one that wrote a row without a name.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from casty.errors import JournalError
from casty.spi.journal import DEFAULT_SERIALIZER, EventRecord, SnapshotRecord


def event_rows(records: Iterable[EventRecord]) -> tuple[list[object], bool]:
    """The rows' values one after the other, and whether any of them has tags."""
    values: list[object] = []
    tagged = False
    for record in records:
        values += record[:-2]
        tags, serializer = record[-2:]
        if tags:
            tagged = True
            values.append(json.dumps(tags))
        else:
            values.append(None)
        values.append(crc32(record.payload))
        values.append(None if serializer == DEFAULT_SERIALIZER else serializer)
    return values, tagged


def event_of(row: Sequence[Any], path: str) -> EventRecord:
    """Raises `JournalError` for a row that is damaged."""
    *fields, tags, checksum, serializer = row
    labels = () if tags is None else tuple(json.loads(tags))
    record = EventRecord._make((*fields, labels, serializer or DEFAULT_SERIALIZER))
    if crc32(record.payload) != checksum:
        raise JournalError(
            f"event {record.sequence_nr} of {record.entity_id!r} in the SQLite journal "
            f"{path} is damaged: its bytes do not match their checksum; restore a backup"
        )
    return record


def snapshot_row(snapshot: SnapshotRecord) -> tuple[object, ...]:
    *fields, serializer = snapshot
    return (*fields, crc32(snapshot.payload), None if serializer == DEFAULT_SERIALIZER else serializer)


def snapshot_of(row: Sequence[Any]) -> tuple[SnapshotRecord, bool]:
    """The snapshot, and whether its checksum matches."""
    *fields, checksum, serializer = row
    snapshot = SnapshotRecord._make((*fields, serializer or DEFAULT_SERIALIZER))
    return snapshot, crc32(snapshot.payload) == checksum
