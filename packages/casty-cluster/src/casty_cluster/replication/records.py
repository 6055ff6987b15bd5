"""The records of a copy as its journal stores them: lists of plain values, whose meaning stays for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from casty.errors import JournalError

from casty_cluster.protocol.replication.stored import (
    Change,
    StoreConfirmation,
    StoreEntries,
    StoreLives,
    StorePromise,
    StoreSnapshot,
    StoreView,
)
from casty_cluster.wire.replication import Epoch, Group, View, to_entries, to_runs


@dataclass(frozen=True, slots=True)
class Continued:
    """The last record of a generation: the copy goes on in that one, which has all that it has."""

    generation: int


type Record = Change | Continued


def to_record(record: Record) -> list[Any]:
    match record:
        case Continued(generation):
            return ["continued", generation]
        case StorePromise(epoch):
            return ["promise", *epoch]
        case StoreConfirmation(epoch):
            return ["confirmation", *epoch]
        case StoreLives(known):
            return ["lives", [list(life) for life in known]]
        case StoreView(view):
            former = [[list(group.copies), group.min_acks] for group in view.former]
            forced = [list(epoch) for epoch in view.forced]
            return ["view", *view.epoch, list(view.copies), view.min_acks, forced, former]
        case StoreSnapshot(entity, lineage, state):
            return ["snapshot", entity, [list(run) for run in lineage], state]
        case StoreEntries(entity, after, entries):
            runs = [[counter, coordinator, list(payloads)] for counter, coordinator, payloads in to_runs(entries)]
            return ["entries", entity, after, runs]


def from_record(record: Sequence[Any]) -> Record:
    """Raises `JournalError` for what this version cannot read: to leave it out would be another history."""
    match record:
        case ["continued", int(generation)]:
            return Continued(generation)
        case ["promise", int(counter), int(coordinator)]:
            return StorePromise(Epoch(counter, coordinator))
        case ["confirmation", int(counter), int(coordinator)]:
            return StoreConfirmation(Epoch(counter, coordinator))
        case ["lives", known]:
            return StoreLives(tuple((copy, starts, token) for copy, starts, token in known))
        case ["view", int(counter), int(coordinator), copies, int(min_acks), forced, former]:
            return StoreView(
                View(
                    epoch=Epoch(counter, coordinator),
                    copies=tuple(copies),
                    min_acks=min_acks,
                    former=tuple(Group(tuple(copies), min_acks) for copies, min_acks in former),
                    forced=tuple(Epoch(*epoch) for epoch in forced),
                )
            )
        case ["snapshot", str(entity), [_, *_] as lineage, bytes(state)]:
            runs = tuple((counter, coordinator, last) for counter, coordinator, last in lineage)
            return StoreSnapshot(entity, runs, state)
        case ["entries", str(entity), int(after), runs]:
            return StoreEntries(entity, after, to_entries(runs))
        case _:
            raise JournalError(
                f"a change of a copy cannot be read: {record!r:.200}; if a newer version of casty has written it, run "
                "that one here; if it is damaged, wipe the copy: others catch it up"
            )
