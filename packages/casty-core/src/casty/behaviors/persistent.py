"""Actors that outlive their process, as values: what `persistence` interprets."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from casty.behaviors.arguments import check_afterwards, checked_events
from casty.behaviors.context import ActorContext
from casty.behaviors.initial import check_initial_state
from casty.behaviors.values import Behavior
from casty.quantities import check_count
from casty.ref import ActorRef
from casty.spi.event_journal import EventJournal


@dataclass(frozen=True, slots=True)
class SnapshotEvery:
    """Save the state after every `n_events` events and keep the newest `keep` snapshots."""

    n_events: int
    keep: int = 2

    def __post_init__(self) -> None:
        check_count(self.n_events, "n_events of SnapshotEvery")
        check_count(self.keep, "keep of SnapshotEvery")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourcedBehavior[M, S, E](Behavior[M]):
    """An actor whose state is the fold of its events; see `Behaviors.event_sourced`."""

    entity_id: str
    initial_state: S | Callable[[], S]
    on_event: Callable[[S, E], S]
    on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]]
    journal: EventJournal | str | None = None
    snapshot_policy: SnapshotEvery | None = None
    tagger: Callable[[E], Sequence[str]] | None = None
    on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None
    forget_at: Callable[[E], bool] | None = None
    """For actors whose history means nothing to others: each snapshot deletes the events before it, where the journal
    can. One more is saved at the events for which this is true.
    """

    def __post_init__(self) -> None:
        check_initial_state(self.entity_id, self.initial_state)


@dataclass(frozen=True, slots=True, init=False)
class PersistedBehavior(Behavior[Any]):
    """Returned by a command handler: store `events` and apply them to the state.

    `then` is the next behavior, for example `Behaviors.stopped()`, or a function that is called with the new
    state once the events are durable. `reply` is `(reference, message)`, told once they are.
    """

    events: Sequence[Any]
    then: Behavior[Any] | Callable[[Any], None] | None
    reply: tuple[ActorRef[Any], Any] | None

    def __init__[R](
        self,
        events: Sequence[Any],
        then: Behavior[Any] | Callable[[Any], None] | None = None,
        reply: tuple[ActorRef[R], R] | None = None,
    ) -> None:
        # Here, where nothing is stored yet: a command whose result is refused has not happened.
        if type(events) is not list:
            events = checked_events(events)
        if then is not None or reply is not None:
            check_afterwards(then, reply, "Behaviors.persisted")
        _set_events(self, events)
        _set_then(self, then)
        _set_reply(self, reply)


# Made for nearly every command, hence set as in `ReceiveBehavior`.
_set_events = cast("Any", PersistedBehavior).events.__set__
_set_then = cast("Any", PersistedBehavior).then.__set__
_set_reply = cast("Any", PersistedBehavior).reply.__set__


@dataclass(frozen=True, slots=True)
class ConfirmedBehavior(Behavior[Any]):
    """See `Behaviors.confirmed`.

    Until it notices that its node was removed from a cluster, an old owner handles messages, though it cannot store
    events. With this, it cannot reply from a state that is out of date either. Where the journal cannot tell, commands
    that follow fail too, though their events may be stored: it is for actors that recognize a repeated command.
    """


CONFIRMED: Final = ConfirmedBehavior()


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableStateBehavior[M, S](Behavior[M]):
    """An actor of which the newest state is stored; see `Behaviors.durable_state`."""

    entity_id: str
    initial_state: S | Callable[[], S]
    on_command: Callable[[ActorContext[M], S, M], Awaitable[Behavior[Any]]]
    journal: EventJournal | str | None = None
    on_recovery_completed: Callable[[ActorContext[M], S], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        check_initial_state(self.entity_id, self.initial_state)


@dataclass(frozen=True, slots=True)
class UpdatedBehavior(Behavior[Any]):
    """Returned by a command handler: store `state` in place of the one before.

    `then` and `reply` are those of `PersistedBehavior`.
    """

    state: Any
    then: Behavior[Any] | Callable[[Any], None] | None = None
    reply: tuple[ActorRef[Any], Any] | None = None

    def __post_init__(self) -> None:
        check_afterwards(self.then, self.reply, "Behaviors.updated")
