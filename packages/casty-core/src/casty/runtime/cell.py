"""One actor as the runtime holds it: a cell, and the reference through which it is told things.

An idle cell is this one object and its reference: no task, no timer, no queue. What only some actors need is in `Life`.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextvars import Context
from operator import length_hint
from typing import TYPE_CHECKING, Any, Final, Protocol, override

from casty.address import ActorAddress
from casty.behaviors.values import Behavior, Handler
from casty.output_commit import OPEN, current
from casty.ref import ActorRef, Asking
from casty.runtime.life import Life
from casty.runtime.revocable import Reading
from casty.runtime.signals import Signal, Stop
from casty.runtime.slices import Draining

if TYPE_CHECKING:
    from asyncio import Task

    from casty.runtime.context import CellContext
    from casty.runtime.dispatcher import Dispatcher
    from casty.runtime.kernel import Kernel
    from casty.runtime.pending import PendingAsk

IDLE: Final = 0
"""Nothing to do: the queue is None."""
SCHEDULED: Final = 1
"""In the run queue, or being run."""
SIGNALLED: Final = 2
"""Like SCHEDULED, with signals to attend to before the next message."""
PAUSED: Final = 3
"""In no queue until it is signalled: it waits out a back-off, or for the command that spawned it to be durable."""
STOPPED: Final = 4
"""Gone: whatever is told becomes a dead letter."""


class Admission(Protocol):
    """Decides about a message for a cell that is not idle."""

    callers: int
    """How many wait in `offer` for room."""

    def admit(self, cell: "Cell", message: Any) -> None: ...

    async def offer(self, cell: "Cell", message: Any) -> None: ...

    def read(self, cell: "Cell") -> None:
        """Called when the cell takes what has queued up."""
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
        "handler",
        "initial",
        "intercepted",
        "life",
        "name",
        "parent",
        "queue",
        "ref",
        "state",
        "task",
        "uid",
        "variables",
    )

    def __init__(
        self, dispatcher: "Dispatcher", parent: "Cell | None", name: str, uid: int, initial: Behavior[Any]
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
        self.queue: list[Any] | None = None
        self.batch: Iterator[Any] | None = None
        """What is being read of the messages that had queued up."""
        self.admission: Admission | None = None
        """None: an unbounded mailbox of a living actor."""
        self.context: CellContext | None = None
        self.variables: Context | None = None
        """The actor's own context variables, once a handler has left any changed."""
        self.task: Task[None] | None = None
        """The driver task that a suspended handler keeps."""
        self.life: Life | None = None
        self.asks: dict[int, PendingAsk] | None = None
        self.ref: LocalRef[Any] = LocalRef(self)

    @property
    def kernel(self) -> "Kernel":
        return self.dispatcher.kernel

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
        signals = self.own_life().signals
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

    def own_life(self) -> Life:
        if self.life is None:
            self.life = Life()
        return self.life

    def replies_at_once(self) -> bool:
        """Whether it is worth handling an ask in place: not where the reply waits for events to be stored anyway, and
        each such command would only cost a task of its own.
        """
        return self.state == IDLE and (self.life is None or not self.life.event_sourced)

    def deliver(self, message: Any) -> None:
        """Put a message into the mailbox however full it is: for what must not be dropped."""
        if self.state == IDLE:
            self.dispatcher.enqueue(self)
            self.state = SCHEDULED
            self.queue = [message]
        elif self.queue is not None and self.state != STOPPED:
            self.queue.append(message)

    def waiting(self) -> int:
        """How many messages wait."""
        return length_hint(self.batch or ()) + len(self.queue or ())

    def take_waiting(self) -> deque[Any]:
        """Empty the mailbox of a cell that is being run. Revocables are not asked for their messages yet."""
        batch = self.batch
        waiting: deque[Any] = batch.items if isinstance(batch, Draining) else deque(batch or ())
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
        return self.cell.kernel.address_of(self.cell)

    @property
    @override
    def asks(self) -> Asking:
        return self.cell.kernel.asks

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
        if self.cell.admission is None or self.cell.state == IDLE or (OPEN and current() is not None):
            self.tell(message)
        else:
            await self.cell.admission.offer(self.cell, message)

    @override
    def _deliver(self, message: M) -> None:
        """The sender has gone on, so that a full mailbox cannot raise in it any more."""
        self.cell.kernel.dead_letters.tell(self, message)

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    @override
    def __hash__(self) -> int:
        return hash(self.cell.uid)
