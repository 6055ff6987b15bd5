"""Records as rows of the tables, and back. Each row has a checksum of its payload, for whoever reads it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from casty.errors import JournalError
from casty.spi.journal import EventRecord, SnapshotRecord


def event_rows(records: Iterable[EventRecord]) -> tuple[list[object], bool]:
    """The rows' values one after the other, and whether any of them has tags."""
    values: list[object] = []
    tagged = False
    for record in records:
        values += record[:-1]
        if record.tags:
            tagged = True
            values.append(json.dumps(record.tags))
        else:
            values.append(None)
        values.append(crc32(record.payload))
    return values, tagged


def event_of(row: Sequence[Any], path: str) -> EventRecord:
    """Raises `JournalError` for a row that is damaged."""
    *fields, tags, checksum = row
    record = EventRecord._make((*fields, () if tags is None else tuple(json.loads(tags))))
    if crc32(record.payload) != checksum:
        raise JournalError(
            f"event {record.sequence_nr} of {record.entity_id!r} in the SQLite journal "
            f"{path} is damaged: its bytes do not match their checksum; restore a backup"
        )
    return record


def snapshot_row(snapshot: SnapshotRecord) -> tuple[object, ...]:
    return (*snapshot, crc32(snapshot.payload))


def snapshot_of(row: Sequence[Any]) -> tuple[SnapshotRecord, bool]:
    """The snapshot, and whether it is as it was saved."""
    *fields, checksum = row
    snapshot = SnapshotRecord._make(fields)
    return snapshot, crc32(snapshot.payload) == checksum
