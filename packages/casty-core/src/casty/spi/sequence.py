"""The rules of every store: an entity's events are numbered from 1, without gaps; no number is written twice; what
was decided on top of a refused event is refused as well; a writer that has been fenced writes nothing more; and a
repeated write changes nothing.

The third one matters because writers pipeline: behind refused groups there may come one with the number that is due,
but its author decided on a state that has never been.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from casty.errors import FencedError, JournalError, SequenceConflictError
from casty.spi.journal import AppendGroup, AppendOutcome

type Chain = tuple[str, str]
"""An entity and the incarnation that writes its events, each on top of the one before."""

type EventIdOf = Callable[[str, int], bytes | None]
"""The id of the event that is stored for an entity under a number, or None."""

type Holds = Callable[[str, int], bool]
"""Whether a writer holds a fence with an epoch."""


class Verdict(NamedTuple):
    """What is to become of the groups of one append."""

    outcomes: list[AppendOutcome]
    accepted: list[AppendGroup]
    """The groups that have to be stored, in this order: those that are not refused, empty or stored already."""
    highest: dict[str, int]
    """The highest numbers of their entities, once they are stored."""


def nothing_stored(entity_id: str, sequence_nr: int) -> bytes | None:
    """The `EventIdOf` of a store in which no group of this append can be stored already."""
    return None


def chain_of(group: AppendGroup) -> Chain:
    """The chain that a group, which is not empty, continues."""
    return group[0].entity_id, group[0].writer


def examine(
    groups: Sequence[AppendGroup],
    highest: Mapping[str, int],
    *,
    event_id_of: EventIdOf = nothing_stored,
    holds: Holds | None = None,
    broken: Collection[Chain] = (),
) -> Verdict:
    """Decide about the groups of one append.

    `highest` has the entities' highest numbers; one that is not in it has no events. `event_id_of` is asked only for
    groups that would be in conflict. Without `holds`, nothing is fenced. `broken` chains are refused at once.
    """
    outcomes: list[AppendOutcome] = []
    accepted: list[AppendGroup] = []
    reached: dict[str, int] = {}
    refused = set(broken)
    for group in groups:
        outcome = None
        if group:
            entity_id = group[0].entity_id
            last = reached[entity_id] if entity_id in reached else highest.get(entity_id, 0)
            outcome = refusal(group, last)
            if outcome is not None and _is_stored(group, event_id_of, accepted):
                outcomes.append(None)
                continue
            if holds is not None:
                for record in group:  # in place: a call for every group would be felt
                    if record.epoch and not holds(record.writer, record.epoch):
                        outcome = fenced(entity_id, record.writer, record.epoch)
                        break
            if outcome is None and refused and chain_of(group) in refused:
                outcome = _baseless(group)
            if outcome is None:
                reached[entity_id] = group[-1].sequence_nr
                accepted.append(group)
            else:
                refused.add(chain_of(group))
        outcomes.append(outcome)
    return Verdict(outcomes, accepted, reached)


def refusal(group: AppendGroup, highest: int) -> JournalError | None:
    """Why `group` cannot be stored after the entity's event `highest`, or None if it can.

    For the authors of stores: the result can be returned as the outcome of a refused group.
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
        "if another writer has stored events, load them again and decide anew"
    )


def fenced(entity_id: str, writer: str, epoch: int) -> FencedError:
    """The error for an event of a writer that does not hold a fence with `epoch`."""
    return FencedError(
        f"{writer!r} cannot write to the entity {entity_id!r}: it does not hold epoch {epoch}, or no longer; "
        "another owner has claimed a later one, so stop the entity here"
    )


def claimed_epoch(key: str, owner: str, epoch: int | None, fence: tuple[str, int] | None) -> int:
    """The epoch that `owner` gets when it claims a fence; `fence` is its owner and epoch now, None a new one.

    Raises `FencedError` for an epoch that is too low.
    """
    holder, held = fence if fence is not None else (None, 0)
    if epoch is None:
        return held + 1
    if epoch > held or (epoch == held and owner == holder):
        return epoch
    raise claim_refused(key, owner, epoch, fence)


def claim_refused(key: str, owner: str, epoch: int | None, fence: tuple[str, int] | None) -> FencedError:
    """The error for a claim with an epoch that is too low; `fence` as for `claimed_epoch`."""
    held = 0 if fence is None else fence[1]
    holder = "it has no owner yet" if fence is None else f"{fence[0]!r} holds it with epoch {held}"
    return FencedError(
        f"{owner!r} cannot claim {key!r} with epoch {epoch}: {holder}; claim an epoch above {held}, or leave it to "
        "its owner",
        held=held,
    )


def _is_stored(group: AppendGroup, event_id_of: EventIdOf, accepted: Sequence[AppendGroup]) -> bool:
    """Whether every event of the group is stored already, or will be by a group of the same append."""
    entity_id = group[0].entity_id
    coming = {
        record.sequence_nr: record.event_id for other in accepted if other[0].entity_id == entity_id for record in other
    }
    return all(
        (coming.get(record.sequence_nr) or event_id_of(record.entity_id, record.sequence_nr)) == record.event_id
        for record in group
    )


def _baseless(group: AppendGroup) -> SequenceConflictError:
    return SequenceConflictError(
        f"the entity {group[0].entity_id!r} cannot store an event {group[0].sequence_nr} that was decided on top of "
        "one that has been refused; load its events again and decide anew"
    )
