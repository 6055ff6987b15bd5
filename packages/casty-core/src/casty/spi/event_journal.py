"""The journal as users see it: four methods, objects in and out. Any class that has them is a journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True)
class PersistedEvent[E]:
    """An event with its place in its entity's history."""

    sequence_nr: int
    """From 1, without gaps."""
    event: E
    timestamp: float
    """Seconds since the Unix epoch, by the writer's clock."""


@dataclass(frozen=True, kw_only=True)
class EventEnvelope[E]:
    """An event with its place among all events of its journal, and with what is known of it."""

    offset: int
    """Grows from event to event, in one order that never changes; gaps mean nothing."""
    entity_id: str
    sequence_nr: int
    """Its place in its entity's history."""
    event: E
    timestamp: float
    """Seconds since the Unix epoch, by the writer's clock; for people, never for order."""
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot[S]:
    """An entity's state after the event `sequence_nr`."""

    sequence_nr: int
    state: S
    timestamp: float


@runtime_checkable
class EventJournal(Protocol):
    """Where events are kept. Structural: a class with these four methods works as it is."""

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        """Store all of them or none. Durable when it returns.

        Raises `SequenceConflictError`, and stores nothing, if the first number does not follow the last stored one.
        """
        ...

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        """The entity's events from that number on (inclusive), ascending."""
        ...

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None: ...

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        """The newest snapshot, or None."""
        ...
