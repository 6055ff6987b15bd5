"""Instruments an event-sourced behavior for the kit: with the test's journal, and with its commands observed."""

from dataclasses import dataclass, replace
from typing import Any, cast

from casty.behaviors.clustered import DiscoverableBehavior
from casty.behaviors.context import ActorContext
from casty.behaviors.persistent import DurableStateBehavior, EventSourcedBehavior, PersistedBehavior
from casty.behaviors.values import (
    SAME,
    Behavior,
    LifecycleBehavior,
    SetupBehavior,
    SpyBehavior,
    SupervisedBehavior,
)
from casty.errors import BehaviorError
from casty.journals.memory import InMemoryJournal
from casty.output_commit import current
from casty.persistence.durable_state import as_event_sourced
from casty.ref import ActorRef

type Entity = EventSourcedBehavior[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """In place of a command: store these events."""

    events: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """In place of a command: only report the state."""


@dataclass(slots=True, eq=False)
class Execution:
    """The execution of a command by the entity."""

    command: object
    done: ActorRef[None] | None = None
    """Completed once the command's events are durable."""
    state: Any = None
    """The state on which the command ran."""
    shown: str = ""
    """The repr of that state at that time."""
    events: tuple[Any, ...] = ()

    def begin(self, done: ActorRef[None]) -> object:
        """Make the message of an `ask` that waits for the end of the command."""
        self.done = done
        return self.command


class Instrumented:
    """A behavior that contains an event-sourced one, with any wrappers."""

    def __init__(self, behavior: Behavior[Any]) -> None:
        self._journal = InMemoryJournal()
        self.entity: Entity | None = None
        """The event-sourced behavior as it was written; None until a `setup` around it has run."""
        self.running: Execution | None = None
        self.behavior = self._around(behavior)

    def _around(self, behavior: Behavior[Any]) -> Behavior[Any]:
        match behavior:
            case EventSourcedBehavior():
                return self._inside(cast(Entity, behavior))
            case DurableStateBehavior():
                return self._inside(as_event_sourced(cast("DurableStateBehavior[Any, Any]", behavior)))
            case SetupBehavior(factory):

                async def set_up(ctx: ActorContext[Any]) -> Behavior[Any]:
                    return self._around(await factory(ctx))

                return SetupBehavior(set_up)
            case SupervisedBehavior() | LifecycleBehavior() | SpyBehavior() | DiscoverableBehavior():
                return replace(behavior, behavior=self._around(behavior.behavior))
            case _:
                raise BehaviorError(
                    "EventSourcedTestKit runs Behaviors.event_sourced(...) and Behaviors.durable_state(...), but "
                    f"this is a {type(behavior).__name__}; BehaviorTestKit drives behaviors without a journal"
                )

    def _inside(self, entity: Entity) -> Entity:
        self.entity = entity

        async def on_command(ctx: ActorContext[Any], state: Any, command: Any) -> Behavior[Any]:
            shown = repr(state)
            match command:
                case Given(events):
                    answer: Behavior[Any] = PersistedBehavior(events)
                case Look():
                    answer = SAME
                case _:
                    answer = await entity.on_command(ctx, state, command)
            execution, output = self.running, current()
            # The entity may have sent a command to itself.
            if execution is not None and execution.command is command:
                execution.state, execution.shown = state, shown
                execution.events = tuple(answer.events) if isinstance(answer, PersistedBehavior) else ()
                if output is not None and execution.done is not None:
                    output.hold(execution.done.tell, None)
            return answer

        return replace(entity, journal=self._journal, on_command=on_command)
