"""What only some actors need: kept out of the cell so that an idle one stays small."""

from asyncio import Future, Task
from collections import deque
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, override
from weakref import WeakValueDictionary

from casty.behaviors.supervision import Strategy
from casty.behaviors.values import SpyBehavior
from casty.clock import TimerHandle
from casty.config import ActorSettings
from casty.errors import JournalUnavailableError
from casty.messages import Terminated
from casty.ref import ActorRef
from casty.runtime.revocable import REVOKED, Revocable
from casty.runtime.signals import Signal
from casty.runtime.timers import KeyedTimers
from casty.runtime.wrapping import EMPTY, Wrapping

if TYPE_CHECKING:
    from casty.runtime.cell import Cell


class Default:
    """Stands for `Terminated`, which is made only when its turn has come."""


DEFAULT = Default()


@dataclass(slots=True, eq=False)
class Watch(Revocable):
    """One watch, and its notice while that waits in the watcher's mailbox.

    It counts until the watcher takes the notice, watches the same actor anew, or unwatches it.
    """

    watcher: "Cell"
    ref: ActorRef[Any]
    message: Any
    reason: BaseException | None = None
    """The failure that stopped the watched actor."""

    def notify(self, reason: BaseException | None) -> None:
        """The actor has stopped: put the notice behind what the actor had told the watcher. It is never dropped."""
        self.reason = reason
        self.watcher.deliver_revocable(self)

    @override
    def take(self) -> Any:
        watching = self.watcher.own_extras().watching
        if watching.get(self.ref) is not self:
            return REVOKED
        del watching[self.ref]
        return Terminated(self.ref, self.reason) if self.message is DEFAULT else self.message


class Resource(Protocol):
    """Something that an actor's current behavior holds and that ends with it."""

    async def close(self) -> None: ...

    @property
    def tasks(self) -> Collection[Task[None]]:
        """What `close` waits for, where it has not ended."""
        ...


class Keeper(Protocol):
    """What starts an actor's children at their first message, and again after each stop: they are entities."""

    settings: ActorSettings
    """The configuration of the children, whatever their names."""

    def passivate(self, cell: "Cell") -> None:
        """Stop a child until its next message."""
        ...

    def inherit(self, cell: "Cell", unread: Sequence[Any]) -> Sequence[Any]:
        """A child stops, and from now on its successor gets what arrives. Keep for the successor what the child leaves
        unread, and return the messages that no actor will handle.
        """
        ...

    def left(self, cell: "Cell") -> None:
        """A child has stopped, and its name is free."""
        ...

    def why_paused(self, cell: "Cell") -> str:
        """Say what a child that has never run waits for."""
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
class CellExtras:
    """One actor's lane of signals, family, settings and belongings."""

    fallback: Strategy | None = None
    """The configured strategy, for failures that no other strategy decides."""
    inherited: tuple[SpyBehavior[Any], ...] = ()
    """Spies that the parent has for its children too, outermost first."""
    wrapping: Wrapping = EMPTY
    signals: deque[Signal] = field(default_factory=deque[Signal])
    attending: Signal | None = None
    """The signal being handled, for snapshots and the patrol."""
    children: "dict[str, Cell]" = field(default_factory=dict)
    keeper: Keeper | None = None
    """Of its children, where these are entities."""
    childless: Future[None] | None = None
    """Completed when the last child is gone, while any stop or restart waits for that."""
    has_hidden_children: bool = False
    """Whether it has, or has had, children whose names begin with `_`: they are the runtime's."""
    ending_family: int = 0
    """How many wait for all children to stop: there may be no new ones meanwhile."""
    watchers: dict[Watch, None] = field(default_factory=dict[Watch, None])
    """The watches that end with this actor: several of one watcher where more than one reference leads here."""
    watching: dict[ActorRef[Any], Watch] = field(default_factory=dict)
    """Its own watches, also those whose notice waits in its mailbox."""
    incarnation: int = 0
    """Counts its ends and restarts: the results of work that an earlier incarnation has piped are revoked."""
    adapters: WeakValueDictionary[Hashable, ActorRef[Any]] | None = None
    """The adapters of its messages that are in use, by their functions."""
    exported: dict[int, ActorRef[Any]] = field(default_factory=dict)
    """Those that other nodes may know, by their uids."""
    watches_afar: bool = False
    """Whether it has watched actors of other nodes."""
    event_sourced: bool = False
    """Whether its current behavior writes to a journal."""
    passes_on: bool = False
    """Whether it is a router: what it handles is passed on, with its ask, so that it replies to nothing itself."""
    restarts: dict[Strategy, deque[float]] = field(default_factory=dict)
    """When restarts were granted, per strategy."""
    timers: KeyedTimers | None = None
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
