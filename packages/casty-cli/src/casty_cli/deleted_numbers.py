"""Preserves the numbers of events that were deleted before a history was exported, so that later events keep theirs.

A journal accepts only the next number of an entity. So placeholders are stored under the deleted numbers, and deleted.
"""

from typing import Any, Final, cast
from uuid import uuid4

from casty.errors import JournalError
from casty.spi.journal import DeletingStore, EventRecord, JournalStore, OrderedStore

from casty_cli.paging import LARGEST

TAG: Final = "casty.deleted"
"""Identifies placeholders that a killed process has left."""


async def pass_over(store: JournalStore, entity_id: str, highest: int, to_sequence_nr: int) -> None:
    """Let the entity, whose last number is `highest`, continue after `to_sequence_nr`; its events so far are deleted.

    Raises `JournalError` for a journal that cannot delete events.
    """
    if not store.capabilities.deleting:
        raise JournalError(
            f"events {highest + 1} to {to_sequence_nr} of {entity_id!r} were deleted in the source, "
            "and this journal cannot continue after them: it cannot delete events; import into one that can"
        )
    for first in range(highest + 1, to_sequence_nr + 1, LARGEST):
        last = min(first + LARGEST - 1, to_sequence_nr)
        (outcome,) = await store.append([[_stand_in(entity_id, number) for number in range(first, last + 1)]])
        if outcome is not None:
            raise outcome
    await cast(DeletingStore, store).delete_events(entity_id, to_sequence_nr)


async def remove_stand_ins(store: JournalStore) -> None:
    """Delete remaining placeholders."""
    capabilities = store.capabilities
    if capabilities.deleting and capabilities.ordered:
        both = cast(Any, store)
        ordered, deleting = cast(OrderedStore, both), cast(DeletingStore, both)
        while left := await ordered.read(0, LARGEST, [TAG]):
            for entity_id, number in {entry.record.entity_id: entry.record.sequence_nr for entry in left}.items():
                await deleting.delete_events(entity_id, number)


def _stand_in(entity_id: str, sequence_nr: int) -> EventRecord:
    return EventRecord(
        entity_id=entity_id,
        sequence_nr=sequence_nr,
        epoch=0,
        writer=TAG,
        event_id=uuid4().bytes,
        manifest="",
        version=1,
        payload=b"\xc0",
        timestamp=0.0,
        tags=(TAG,),
    )
