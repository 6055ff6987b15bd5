"""The one rule of every store: an entity's events are numbered from 1, without gaps, and nobody writes a
number twice.
"""

from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import AppendGroup


def refusal(group: AppendGroup, highest: int) -> JournalError | None:
    """Why `group` cannot be stored after the entity's event `highest`, or None if it can.

    For the authors of stores: a refused group's outcome is the answer, as it is.
    """
    if not group:
        return None
    entity_id = group[0].entity_id
    if "\0" in entity_id:
        return JournalError(
            f"the entity id {entity_id!r} holds a NUL character, which databases cannot store; use an id without it"
        )
    for expected, record in enumerate(group, highest + 1):
        if record.sequence_nr != expected or record.entity_id != entity_id:
            return conflict(record.entity_id, record.sequence_nr, expected)
    return None


def conflict(entity_id: str, sequence_nr: int, expected: int) -> SequenceConflictError:
    """The error for an event that came with `sequence_nr` where `expected` was due."""
    return SequenceConflictError(
        f"the entity {entity_id!r} cannot store an event {sequence_nr}: its next one is number {expected}; "
        "if somebody else has written to it, load its events again and decide anew"
    )
