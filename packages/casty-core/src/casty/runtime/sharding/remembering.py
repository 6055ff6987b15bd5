"""Remembers which entities a shard has, in a journal, and starts them again after a restart of the process.

The ids of a shard are the state of an event-sourced actor, a hidden child of the shard. An entity handles its first
message when its id is stored, so that none works that would not start again.
"""

import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from casty.behaviors.context import ActorContext
from casty.behaviors.persistent import EventSourcedBehavior, PersistedBehavior, SnapshotEvery
from casty.behaviors.supervision import Backoff, OneForOneStrategy
from casty.behaviors.values import SAME, Behavior, SupervisedBehavior
from casty.clock import Clock, TimerHandle
from casty.runtime.children import spawn_cell
from casty.runtime.sharding.entities import Entities, Memory
from casty.serialization import event
from casty.spi.event_journal import EventJournal

ACTOR: Final = "_remembered"
SNAPSHOT_EVERY: Final = 1_000
REVIVED_AFTER: Final = 10.0
"""Seconds until an entity is started again that a failure has stopped."""
AT_ONCE: Final = 100
INTERVAL: Final = 0.05
"""Seconds between two starts of `AT_ONCE` entities: 2,000 a second, which a database bears beside its other work."""
AGAIN_AND_AGAIN: Final = OneForOneStrategy(max_restarts=sys.maxsize, backoff=Backoff())


@event("casty.sharding.EntityRemembered")
@dataclass(frozen=True, slots=True)
class EntityRemembered:
    """The entity exists from now on."""

    entity_id: str


@event("casty.sharding.EntityForgotten")
@dataclass(frozen=True, slots=True)
class EntityForgotten:
    """The entity has stopped for good."""

    entity_id: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Store the id and release the entity."""

    entity_id: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The entity has stopped by its own wish."""

    entity_id: str


@dataclass(frozen=True, slots=True)
class Revive:
    """Start the entity, which has failed, now or later."""

    entity_id: str
    due: bool = False


type Command = Remember | Forget | Revive
type Ids = dict[str, None]


def log_id(region: str, shard: int) -> str:
    """The entity id under which a journal has the ids of a shard; `region` is the name of the sharded type."""
    return f"shard/{region}/{shard}"


class Starter:
    """Starts the remembered entities of a region, some at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Entities, str]] = deque()
        self._timer: TimerHandle | None = None

    def add(self, entities: Entities, ids: Iterable[str]) -> None:
        self._waiting.extend((entities, entity_id) for entity_id in ids)
        if self._waiting and self._timer is None:
            self._timer = self._clock.call_later(0.0, self._start_some)

    def _start_some(self) -> None:
        for _ in range(min(AT_ONCE, len(self._waiting))):
            entities, entity_id = self._waiting.popleft()
            entities.start(entity_id)
        self._timer = self._clock.call_later(INTERVAL, self._start_some) if self._waiting else None

    def close(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class RememberedIds(Memory):
    """The ids of one shard's entities."""

    def __init__(self, entities: Entities, log: str, journal: EventJournal | str | None, starter: Starter) -> None:
        self._entities = entities
        self._starter = starter
        self._stored: set[str] = set()
        """Ids that are durable, and not about to be forgotten."""
        behavior: Behavior[Command] = EventSourcedBehavior(
            entity_id=log,
            initial_state=_none,
            on_event=_applied,
            on_command=self._handle,
            journal=journal,
            snapshot_policy=SnapshotEvery(SNAPSHOT_EVERY),
            on_recovery_completed=self._recovered,
        )
        # Nothing but a journal can fail it, and it is of no use to stop: without it no entity could start.
        supervised = SupervisedBehavior(behavior, AGAIN_AND_AGAIN)
        self._ref = spawn_cell(entities.shard, supervised, ACTOR, None).ref

    @override
    def remember(self, entity_id: str) -> bool:
        if entity_id in self._stored:
            return True
        self._ref.tell(Remember(entity_id))
        return False

    @override
    def ended(self, entity_id: str, *, failed: bool) -> None:
        if failed:
            self._ref.tell(Revive(entity_id))
        else:
            self._stored.discard(entity_id)
            self._ref.tell(Forget(entity_id))

    async def _recovered(self, ctx: ActorContext[Command], ids: Ids) -> None:
        """Take up what the journal has: at the start of the shard, and after each outage of the journal."""
        self._stored = set(ids)
        for entity_id in self._entities.waiting():
            # What was asked for before an outage may not be stored.
            self._ref.tell(Remember(entity_id))
        self._starter.add(self._entities, list(ids))

    async def _handle(self, ctx: ActorContext[Command], ids: Ids, command: Command) -> Behavior[Any]:
        match command:
            case Remember(entity_id):
                events = [] if entity_id in ids else [EntityRemembered(entity_id)]
                return PersistedBehavior(events, then=partial(self._remembered, entity_id))
            case Forget(entity_id):
                return PersistedBehavior([EntityForgotten(entity_id)] if entity_id in ids else [])
            case Revive(entity_id, due=True):
                self._entities.start(entity_id)
            case Revive(entity_id):
                ctx.timers.start(entity_id, Revive(entity_id, due=True), after=REVIVED_AFTER)
        return SAME

    def _remembered(self, entity_id: str, _ids: Ids) -> None:
        self._stored.add(entity_id)
        self._entities.release(entity_id)


def _none() -> Ids:
    """The ids before the first event."""
    return {}


def _applied(ids: Ids, event: EntityRemembered | EntityForgotten) -> Ids:
    """In place: a copy of 100,000 ids for each new one would take a millisecond. No other actor sees the state, and a
    snapshot is encoded before the next event.
    """
    match event:
        case EntityRemembered(entity_id):
            ids[entity_id] = None
        case EntityForgotten(entity_id):
            ids.pop(entity_id, None)
    return ids
