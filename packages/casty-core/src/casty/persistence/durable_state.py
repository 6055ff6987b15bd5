"""Interprets a behavior of which only the newest state is kept.

It is an event-sourced one whose every event is the whole new state: written, fenced, released and failed by the same
code. What is different: recovery reads one event, and those that a newer one has superseded are deleted when their
time comes, beside the commands, which never wait for it.
"""

from typing import Any, Final, override

from casty.behaviors.context import ActorContext
from casty.behaviors.initial import fresh_state
from casty.behaviors.persistent import (
    DurableStateBehavior,
    EventSourcedBehavior,
    PersistedBehavior,
    SnapshotEvery,
    UpdatedBehavior,
)
from casty.behaviors.values import Behavior
from casty.errors import BehaviorError
from casty.persistence.entity import EventSourcedEntity, Host
from casty.persistence.entity_log import EntityLog, Save

KEPT: Final = 100
"""States that an entity may have stored: a deletion is a commit of its own, and one for each state would cost as much
as the states do.
"""


def as_event_sourced[M, S](behavior: DurableStateBehavior[M, S]) -> EventSourcedBehavior[M, S, S]:
    """The same actor, as one whose events are its states."""

    async def on_command(ctx: ActorContext[M], state: S, command: M) -> Behavior[Any]:
        match await behavior.on_command(ctx, state, command):
            case UpdatedBehavior(new_state, then, reply):
                return PersistedBehavior([new_state], then, reply)
            case PersistedBehavior():
                raise BehaviorError(
                    "Behaviors.persisted(...) is only for the on_command of Behaviors.event_sourced; that of "
                    "Behaviors.durable_state returns Behaviors.updated(new_state)"
                )
            case answer:
                return answer

    return EventSourcedBehavior(
        entity_id=behavior.entity_id,
        initial_state=lambda: fresh_state(behavior.entity_id, behavior.initial_state),
        on_event=_newest,
        on_command=on_command,
        journal=behavior.journal,
        snapshot_policy=SnapshotEvery(KEPT, keep=1),
        on_recovery_completed=behavior.on_recovery_completed,
    )


def _newest[S](_state: S, event: S) -> S:
    return event


class DurableStateEntity(EventSourcedEntity):
    """One incarnation of an actor with a durable state."""

    _complaint = "the states of %s that are superseded could not be deleted; they will be with later ones"

    def __init__(self, behavior: DurableStateBehavior[Any, Any], log: EntityLog, host: Host) -> None:
        super().__init__(as_event_sourced(behavior), log, host)

    @override
    async def recover(self) -> None:
        """Read the newest state. Raises what the journal and the serializer raise."""
        await self._log.take_over()
        self._sequence_nr, self._state = await self._log.newest(self._initial_state())
        self._durable = self._sequence_nr

    @override
    def _applied(self, state: Any, event: Any) -> Any:
        """The event is the state, and may as well be None."""
        return event

    @override
    def _prepare_save(self, sequence_nr: int, state: Any, keep: int) -> Save:
        return self._log.prepare_deletion(sequence_nr, state)

    @override
    def _save(self, save: Save) -> None:
        """One at a time: the next one deletes what this one leaves."""
        if not self._saving:
            super()._save(save)
