"""One actor as the runtime holds it: a cell, and the reference that delivers to it.

An idle cell is this one object and its reference: no task, no timer, no queue. What only some actors need is
in `CellExtras`.
"""

from asyncio import AbstractEventLoop, Task
from collections import deque
from collections.abc import Iterable, Sequence
from contextvars import Context
from operator import length_hint
from typing import Any, Final, Protocol, override

from casty.address import ActorAddress
from casty.behaviors.context import ActorContext
from casty.behaviors.values import SAME, Behavior, Handler
from casty.errors import MailboxFullError
from casty.output_commit import OPEN, current
from casty.ref import ActorRef, Asking
from casty.runtime.extras import CellExtras, Keeper
from casty.runtime.pending import PendingAsk
from casty.runtime.revocable import MixedQueue, Reading, Revocable
from casty.runtime.services import Services
from casty.runtime.signals import Signal, Stop

IDLE: Final = 0
"""Nothing to do: the queue is None."""
SCHEDULED: Final = 1
"""In the run queue, or being run."""
SIGNALLED: Final = 2
"""Like SCHEDULED, with signals to attend to before the next message."""
PAUSED: Final = 3
"""In no queue until it is signalled: it waits out a back-off, or for the command that spawned it to be durable."""
STOPPED: Final = 4
"""Stopped for good: every message becomes a dead letter."""


class Admission(Protocol):
    """Decides about a message for a cell that is not idle."""

    callers: int
    """How many wait in `offer` for room."""

    def admit(self, cell: "Cell", message: Any) -> None: ...

    async def offer(self, cell: "Cell", message: Any) -> bool:
        """Wait for room and take the message. Returns False where it is left to `tell`."""
        ...

    def read(self, cell: "Cell") -> None:
        """Called when the cell takes what has queued up."""
        ...


class RunQueue(Protocol):
    """The dispatcher as cells see it: it runs those that have something to do."""

    services: Services
    loop: AbstractEventLoop
    thread: int
    """That of the event loop."""
    ready: deque["Cell"]
    """Cells that wait for their turn; only an armed queue runs them."""
    armed: bool

    def arm(self) -> None:
        """Have the event loop run the queue. Raises RuntimeError in another thread than the loop's."""
        ...

    def enqueue(self, cell: "Cell") -> None:
        """Append a cell, and arm the queue if it is not armed."""
        ...

    def pause(self, cell: "Cell") -> None:
        """Keep an eye on a cell that is in no queue until it is signalled."""
        ...

    def crowded(self, cell: "Cell", callers: int, capacity: int) -> None:
        """Report that `callers` wait in `offer` for room in a mailbox of that capacity."""
        ...

    def abandon(self, cell: "Cell") -> None:
        """Go on with a suspended actor without the handler that suspends it."""
        ...

    def check_abandoned(self) -> None:
        """Raise `Abandoned` if the actor goes on without the running driver. To be called after user code that may
        suspend.
        """
        ...


class Cell:
    """An actor's mailbox, current handler and place in the tree. Only the dispatcher runs it."""

    __slots__ = (
        "__weakref__",
        "admission",
        "asks",
        "batch",
        "context",
        "dispatcher",
        "extras",
        "handler",
        "initial",
        "intercepted",
        "name",
        "parent",
        "queue",
        "ref",
        "state",
        "task",
        "uid",
        "unchanged",
        "variables",
    )

    def __init__(
        self, dispatcher: RunQueue, parent: "Cell | None", name: str, uid: int, initial: Behavior[Any]
    ) -> None:
        self.dispatcher = dispatcher
        self.parent = parent
        self.name = name
        self.uid = uid
        self.initial = initial
        self.state = IDLE
        self.handler: Handler[Any] | None = None
        self.intercepted = False
        """Whether something stands around the handler, so that a new behavior cannot simply take its place."""
        self.unchanged: Behavior[Any] | None = SAME
        """What the handler returns to keep its behavior; None where its results mean nothing."""
        self.queue: list[Any] | None = None
        self.batch: Iterable[Any] | None = None
        """What is being read of the messages that had queued up."""
        self.admission: Admission | None = None
        """None: an unbounded mailbox of a living actor."""
        self.context: ActorContext[Any] | None = None
        self.variables: Context | None = None
        """The actor's own context variables, once a handler has left any changed."""
        self.task: Task[None] | None = None
        """The driver task that a suspended handler keeps."""
        self.extras: CellExtras | None = None
        self.asks: dict[int, PendingAsk] | None = None
        self.ref: LocalRef[Any] = LocalRef(self)

    @property
    def services(self) -> Services:
        return self.dispatcher.services

    @property
    def path(self) -> str:
        names: list[str] = []
        cell = self
        while cell.parent is not None:
            names.append(cell.name)
            cell = cell.parent
        return "/" + "/".join(reversed(names))

    def signal(self, signal: Signal) -> None:
        """Have the cell attend to `signal` after the message it is handling, before any that waits."""
        if self.state == STOPPED:
            return
        if self.state == IDLE or self.state == PAUSED:
            self.wake()
        else:
            self.state = SIGNALLED
        signals = self.own_extras().signals
        if isinstance(signal, Stop):
            signals.appendleft(signal)
        else:
            signals.append(signal)

    def wake(self) -> None:
        """Put a cell that is in no queue into the run queue, to attend to its signals."""
        self.dispatcher.enqueue(self)
        if self.queue is None:
            self.queue = []
        self.state = SIGNALLED

    @property
    def keeper(self) -> Keeper | None:
        """What keeps the cell as an entity, if it is one."""
        parent = self.parent
        return None if parent is None or parent.extras is None else parent.extras.keeper

    def own_extras(self) -> CellExtras:
        """The extras, made at first use."""
        if self.extras is None:
            self.extras = CellExtras()
        return self.extras

    def replies_at_once(self) -> bool:
        """Whether it is worth handling an ask in place: not where the reply waits for events to be stored anyway, or
        another actor replies, and each such message would only cost a task of its own.
        """
        extras = self.extras
        return self.state == IDLE and (extras is None or not (extras.event_sourced or extras.passes_on))

    def deliver(self, message: Any) -> None:
        """Put a message into the mailbox however full it is: for what must not be dropped."""
        if self.state == IDLE:
            self.dispatcher.enqueue(self)
            self.state = SCHEDULED
            self.queue = [message]
        elif self.queue is not None and self.state != STOPPED:
            self.queue.append(message)

    def tell_revocable(self, message: Revocable) -> bool:
        """Tell it like any other message; a full mailbox makes it a dead letter. Returns whether the actor lives."""
        if OPEN and (output := current()) is not None:
            output.hold(self.tell_revocable, message)
        elif self._mixes(message):
            try:
                self.ref.tell(message)
            except MailboxFullError as full:
                self.services.dead_letters.publish(message, self.ref, str(full), full)
        return self.state != STOPPED

    def deliver_revocable(self, message: Revocable) -> None:
        """Put a revocable into the mailbox however full it is."""
        if self._mixes(message):
            self.deliver(message)

    def _mixes(self, message: Revocable) -> bool:
        """Prepare the queue for a revocable. Returns False for an idle cell, whose new queue holds it already."""
        if self.state == IDLE:
            self.dispatcher.enqueue(self)
            self.state = SCHEDULED
            self.queue = MixedQueue([message])
            return False
        if self.state != STOPPED and type(self.queue) is list:
            self.queue = MixedQueue(self.queue)
        return True

    def waiting(self) -> int:
        """How many messages wait."""
        return length_hint(self.batch or ()) + len(self.queue or ())

    def take_waiting(self) -> deque[Any]:
        """Empty the mailbox of a cell that is being run. Revocables are not asked for their messages yet."""
        batch = self.batch
        waiting: deque[Any] = batch.items if isinstance(batch, Reading) else deque(batch or ())
        waiting.extend(list[Any].__iter__(self.queue or []))
        self.batch = None
        self.queue = []
        return waiting

    def put_first(self, messages: Sequence[Any]) -> None:
        """Have a cell that is being run handle these before what waits."""
        waiting = self.take_waiting()
        waiting.extendleft(reversed(messages))
        self.batch = Reading(waiting)


class LocalRef[M](ActorRef[M]):
    """A reference to an actor of this process."""

    __slots__ = ("cell",)

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    @property
    @override
    def address(self) -> ActorAddress:
        cell = self.cell
        return cell.services.address(cell.path, cell.uid)

    @property
    @override
    def asks(self) -> Asking:
        return self.cell.services.asks

    # Inlined: nearly every message of a system passes here.
    @override
    def tell(self, message: M) -> None:
        if OPEN and (output := current()) is not None:
            output.hold(self._deliver, message)
            return
        cell = self.cell
        if cell.state:
            if cell.admission is None:
                cell.queue.append(message)  # pyright: ignore[reportOptionalMemberAccess]  # only an idle cell has none
            else:
                cell.admission.admit(cell, message)
        else:
            dispatcher = cell.dispatcher
            if not dispatcher.armed:
                dispatcher.arm()
            cell.state = SCHEDULED
            cell.queue = [message]
            dispatcher.ready.append(cell)

    @override
    async def offer(self, message: M) -> None:
        cell = self.cell
        admission = None if cell.state == IDLE or (OPEN and current() is not None) else cell.admission
        if admission is None or not await admission.offer(cell, message):
            self.tell(message)

    @override
    def _deliver(self, message: M) -> None:
        """The sender has gone on, so that a full mailbox cannot raise in it any more."""
        self.cell.services.dead_letters.tell(self, message)

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    @override
    def __hash__(self) -> int:
        return hash(self.cell.uid)
