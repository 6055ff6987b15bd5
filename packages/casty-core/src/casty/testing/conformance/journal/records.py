"""Records for the checks."""

from collections.abc import Sequence
from hashlib import blake2b

from casty.spi.journal import EventRecord, SnapshotRecord


def event(
    entity_id: str,
    sequence_nr: int,
    payload: bytes = b"payload",
    *,
    writer: str = "writer",
    epoch: int = 0,
    tags: tuple[str, ...] = (),
) -> EventRecord:
    """An event whose id follows from its entity, number and writer: the same arguments make the same event."""
    event_id = blake2b(repr((entity_id, sequence_nr, writer)).encode(), digest_size=16).digest()
    return EventRecord(
        entity_id, sequence_nr, epoch, writer, event_id, "conformance.Done", 1, payload, 1_700_000_000.25, tags
    )


def events(entity_id: str, first: int, last: int, *, writer: str = "writer", epoch: int = 0) -> list[EventRecord]:
    """A group with the events from `first` to `last`, both inclusive."""
    return [event(entity_id, number, writer=writer, epoch=epoch) for number in range(first, last + 1)]


def snapshot(entity_id: str, sequence_nr: int, payload: bytes = b"state") -> SnapshotRecord:
    return SnapshotRecord(entity_id, sequence_nr, "conformance.State", 1, payload, 1_700_000_000.25)


def numbers_of(records: Sequence[EventRecord]) -> list[int]:
    return [record.sequence_nr for record in records]
