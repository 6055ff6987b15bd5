"""The rules of every store: an entity's events are numbered from 1, without gaps; nobody writes a number twice; and
what was decided on top of a refused event is refused as well.

The last one matters because writers pipeline: behind refused groups there may come one with the number that is due, but
its author decided on a state that has never been.
"""

from collections.abc import Collection, Mapping, Sequence

from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import AppendGroup, AppendOutcome

type Chain = tuple[str, str]
"""An entity and the incarnation that writes its events, each on top of the one before."""


def chain_of(group: AppendGroup) -> Chain:
    return group[0].entity_id, group[0].writer


def examine(
    groups: Sequence[AppendGroup], highest: Mapping[str, int], broken: Collection[Chain] = ()
) -> tuple[list[AppendOutcome], dict[str, int]]:
    """Each group's refusal or None, and the entities' highest numbers once the others are stored.

    `highest` has the numbers before; an entity that is not in it has no events. `broken` chains are refused at once.
    """
    outcomes: list[AppendOutcome] = []
    reached: dict[str, int] = {}
    refused = set(broken)
    for group in groups:
        outcome = None
        if group:
            entity_id = group[0].entity_id
            last = reached[entity_id] if entity_id in reached else highest.get(entity_id, 0)
            outcome = refusal(group, last)
            if outcome is None and refused and chain_of(group) in refused:
                outcome = SequenceConflictError(
                    f"the entity {entity_id!r} cannot store an event {group[0].sequence_nr} that was decided on top of "
                    "one that has been refused; load its events again and decide anew"
                )
            if outcome is None:
                reached[entity_id] = group[-1].sequence_nr
            else:
                refused.add(chain_of(group))
        outcomes.append(outcome)
    return outcomes, reached


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
