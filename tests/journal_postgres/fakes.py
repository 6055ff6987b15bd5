"""Records for the store."""

from collections.abc import Sequence
from hashlib import md5

from casty.spi.journal import EventRecord, JournalStore, SnapshotRecord


def event(
    entity_id: str,
    sequence_nr: int,
    payload: bytes = b"x",
    tags: tuple[str, ...] = (),
    *,
    writer: str = "w",
    epoch: int = 0,
) -> EventRecord:
    """Made twice with the same arguments, it is the same event."""
    event_id = md5(repr((entity_id, sequence_nr, payload, writer, epoch)).encode()).digest()
    return EventRecord(entity_id, sequence_nr, epoch, writer, event_id, "bank.Deposited", 2, payload, 1.25, tags)


def snapshot(sequence_nr: int, payload: bytes = b"s") -> SnapshotRecord:
    return SnapshotRecord("a", sequence_nr, "bank.Account", 1, payload, 1.25)


async def everything(store: JournalStore, entity_id: str = "a") -> Sequence[EventRecord]:
    return await store.replay(entity_id, 0, 2**63 - 1, 1_000_000)


async def numbers(store: JournalStore, entity_id: str = "a") -> list[int]:
    return [record.sequence_nr for record in await everything(store, entity_id)]
