"""Where the entities of a region keep their events, and whether its shards are replicated on this node.

Copies are opened when the region is spawned, before any entity runs. Their journal is the one that the entities name:
so one is made and looked at, and never started. Entities that name none have the configured journal.
"""

from dataclasses import dataclass
from typing import Any, Final

from casty.behaviors.clustered import ShardedBehavior
from casty.behaviors.persistent import DurableStateBehavior, EventSourcedBehavior
from casty.behaviors.values import Behavior, SetupBehavior
from casty.config import ActorSettings
from casty.errors import ArgumentError
from casty.extension import Journals, unwrapped
from casty.interruption import described, raise_unless_failure
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal
from casty.spi.journal import JournalKind

SAMPLE: Final = "0"
"""Id of the entity that is made to be looked at."""


@dataclass(frozen=True, slots=True)
class Replicated:
    """How the shards of a region are replicated."""

    settings: ReplicationConfig
    journal: EventJournal | str | None


def journal_of(behavior: ShardedBehavior[Any], settings: ActorSettings) -> EventJournal | str | None:
    """The journal of the entities' events; None: they keep none, or what they are is known when they start.

    No entity, and so no journal, is started.
    """
    try:
        entity = unwrapped(behavior.entity_factory(SAMPLE))
    except BaseException as error:
        raise_unless_failure(error)
        return None  # the factory makes no entity of that id
    match entity:
        case EventSourcedBehavior(journal=own) | DurableStateBehavior(journal=own):
            return settings.journal if own is None else own
        case _:
            return None


def replication_of(
    name: str, behavior: ShardedBehavior[Any], settings: ActorSettings, journals: Journals
) -> Replicated | None:
    """How to copy the shards of the region; None if replication is not set, or if all nodes can read their journal.

    Raises `ArgumentError` for entities that have no events, and where their journal cannot be found out.
    """
    wanted = behavior.replication or settings.replication
    if wanted is None or not wanted.replicas:
        return None
    journal = settings.journal
    match _sample(name, behavior, settings):
        case EventSourcedBehavior(journal=own) | DurableStateBehavior(journal=own):
            journal = journal if own is None else own
        case None | SetupBehavior():
            pass  # what it will be is known when it starts
        case _ if behavior.replication is None:
            return None
        case other:
            raise ArgumentError(
                f"the region {name!r} has {wanted}, and its entities keep no events that could be copied: its factory "
                f"made a {type(other).__name__}; use Behaviors.event_sourced or Behaviors.durable_state, or leave "
                "replication out"
            )
    return None if journals.kind_of(journal) is JournalKind.centralized else Replicated(wanted, journal)


def _sample(name: str, behavior: ShardedBehavior[Any], settings: ActorSettings) -> Behavior[Any] | None:
    """An entity as it is made; None: the factory makes none of any id, and the configured journal counts."""
    try:
        return unwrapped(behavior.entity_factory(SAMPLE))
    except BaseException as error:
        raise_unless_failure(error)
        if settings.journal is not None:
            return None
        raise ArgumentError(
            f"the region {name!r} is replicated, and which journal its copies are in cannot be found out: its factory "
            f"raised {described(error)} for the entity {SAMPLE!r}. Let the factory make an entity of any id, or "
            f"configure the journal: [actors.{name}] journal"
        ) from error
