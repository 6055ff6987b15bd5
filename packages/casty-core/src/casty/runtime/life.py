"""What only some actors need: kept out of the cell so that an idle one stays small."""

from asyncio import Future, Task
from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from casty.behaviors.clustered import DiscoverableBehavior, ServiceKey
from casty.behaviors.supervision import OneForOneStrategy, Strategy
from casty.behaviors.values import Behavior, LifecycleBehavior, SpyBehavior, SupervisedBehavior
from casty.clock import TimerHandle
from casty.errors import JournalUnavailableError
from casty.ref import ActorRef
from casty.runtime.signals import Signal

if TYPE_CHECKING:
    from casty.runtime.adapters import AdapterRef
    from casty.runtime.cell import Cell
    from casty.runtime.timers import KeyedTimers
    from casty.runtime.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping:
    """What the wrappers around a behavior ask for. A part that is empty leaves what the actor has."""

    own: tuple[OneForOneStrategy, ...] = ()
    """Strategies for the actor's own failures, innermost first."""
    of_children: Strategy | None = None
    hooks: tuple[LifecycleBehavior[Any], ...] = ()
    """Outermost first."""
    spies: tuple[SpyBehavior[Any], ...] = ()
    keys: tuple[ServiceKey[Any], ...] = ()
    """What the receptionist knows the actor under."""

    def within(self, outer: "Wrapping") -> "Wrapping":
        """Both, where these wrappers stand inside the outer ones."""
        return Wrapping(
            own=self.own + outer.own,
            of_children=self.of_children or outer.of_children,
            hooks=outer.hooks + self.hooks,
            spies=outer.spies + self.spies,
            keys=outer.keys + self.keys,
        )

    def over(self, older: "Wrapping") -> "Wrapping":
        """These settings, and the older ones where these say nothing."""
        return Wrapping(
            own=self.own or older.own,
            of_children=self.of_children or older.of_children,
            hooks=self.hooks or older.hooks,
            spies=self.spies or older.spies,
            keys=self.keys or older.keys,
        )


EMPTY = Wrapping()


def unwrap(behavior: Behavior[Any]) -> tuple[Wrapping, Behavior[Any]]:
    """Take the wrappers off, whatever their order, and say what they ask for."""
    wrapping = EMPTY
    while True:
        match behavior:
            case SupervisedBehavior(inner, OneForOneStrategy() as strategy):
                wrapping = replace(wrapping, own=(strategy, *wrapping.own))
            case SupervisedBehavior(inner, strategy):
                wrapping = replace(wrapping, of_children=strategy)
            case LifecycleBehavior(behavior=inner):
                wrapping = replace(wrapping, hooks=(*wrapping.hooks, behavior))
            case SpyBehavior(behavior=inner):
                wrapping = replace(wrapping, spies=(*wrapping.spies, behavior))
            case DiscoverableBehavior(inner, key):
                wrapping = replace(wrapping, keys=(*wrapping.keys, key))
            case _:
                return wrapping, behavior
        behavior = inner


class Resource(Protocol):
    """Something that an actor's current behavior holds and that ends with it."""

    async def close(self) -> None: ...

    @property
    def tasks(self) -> Collection[Task[None]]:
        """What `close` waits for, where it has not ended."""
        ...


@dataclass(frozen=True, slots=True)
class PendingRestart:
    """A restart that is due later."""

    timer: TimerHandle
    due: float
    cause: BaseException | None

    def cancel(self) -> None:
        self.timer.cancel()


@dataclass(slots=True, eq=False, kw_only=True)
class Life:
    """One actor's lane of signals, family, settings and belongings."""

    fallback: Strategy | None = None
    """What the configuration says about failures that nobody else decides about."""
    inherited: tuple[SpyBehavior[Any], ...] = ()
    """Spies that the parent has for its children too, outermost first."""
    wrapping: Wrapping = EMPTY
    signals: deque[Signal] = field(default_factory=deque[Signal])
    attending: Signal | None = None
    """The signal that is being attended to, for those who look at the actor from outside."""
    children: "dict[str, Cell]" = field(default_factory=dict)
    childless: Future[None] | None = None
    """Completed when the last child is gone, where somebody waits for that."""
    has_hidden_children: bool = False
    """Whether it has, or has had, children whose names begin with `_`: they are the runtime's."""
    ending_family: bool = False
    """Set while all children are being stopped: there may be no new ones."""
    watchers: "dict[Cell, Watch]" = field(default_factory=dict)
    """Who is told of this actor's end."""
    watching: "dict[ActorRef[Any], Watch]" = field(default_factory=dict)
    """Its own watches, also those whose notice waits in its mailbox."""
    incarnation: int = 0
    """Counts its ends and restarts: the results of work that an earlier incarnation has piped are revoked."""
    adapters: "WeakValueDictionary[Hashable, AdapterRef] | None" = None
    """The adapters of its messages that are in use, by their functions."""
    exported: "dict[int, AdapterRef]" = field(default_factory=dict)
    """Those that other nodes may know, by their uids."""
    watches_afar: bool = False
    """Whether it has watched actors of other nodes."""
    event_sourced: bool = False
    """Whether its current behavior writes to a journal."""
    restarts: dict[Strategy, deque[float]] = field(default_factory=dict)
    """When restarts were granted, per strategy."""
    timers: "KeyedTimers | None" = None
    stash: list[Any] = field(default_factory=list)
    tasks: dict[Task[None], None] = field(default_factory=dict)
    """In the order of their starts, in which they are cancelled."""
    resources: list[Resource] = field(default_factory=list)
    backoff: PendingRestart | None = None
    """Set while the actor waits to be started again."""
    outage: JournalUnavailableError | None = None
    """Why its journal is known to be away; None from its next start on."""
    patience: TimerHandle | None = None
    """Runs while a stop waits for the current handler."""
    overdue: bool = False
    """Its handler has been cancelled because the stop could wait no longer."""
    reason: BaseException | None = None
    """The failure that stops it."""
