"""Request and reply without an actor in between: a future, and a reference that completes it.

An ask fails as soon as nobody can answer it: its message became a dead letter, its handler raised, or its target
stopped and nobody else holds the reply reference. Otherwise it fails at its timeout, which one wheel for all asks
watches.
"""

import weakref
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, override

from casty.address import ActorAddress
from casty.clock import TimerHandle
from casty.errors import ActorStoppedError
from casty.events import DeadLetter
from casty.persistence.outbox import CURRENT, OPEN, Outbox, current
from casty.ref import ActorRef
from casty.runtime.cell import IDLE, Cell, LocalRef
from casty.runtime.remote import AskedRef

if TYPE_CHECKING:
    from casty.runtime.kernel import Kernel

SWEEP: Final = 0.05
"""Seconds between two looks at the asks that may have timed out."""
ASKS: Final = "/_ask"
"""The path of every reply reference; they differ by their uids."""
CLOSE: Final = 1e-6
"""Seconds that count as none, as sums of times are not exact."""


class PromiseRef[R](ActorRef[R]):
    """Completes an ask with the first message that it is told; later ones are dropped, as the asker has gone on."""

    __slots__ = ("_future", "_kernel", "_uid")

    def __init__(self, kernel: "Kernel", future: "Future[R]", uid: int = 0) -> None:
        self._kernel = kernel
        self._future = future
        self._uid = uid

    @property
    def uid(self) -> int:
        """By which other nodes can answer; drawn when it is asked for."""
        if not self._uid:
            self._uid = self._kernel.asks.export(self._future)
        return self._uid

    @property
    @override
    def address(self) -> ActorAddress:
        return self._kernel.address(ASKS, self.uid)

    @override
    def tell(self, message: R) -> None:
        if OPEN and (outbox := current()) is not None:
            outbox.hold(self.tell, message)
        elif not self._future.done():
            self._future.set_result(message)

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    @override
    def __hash__(self) -> int:
        return hash(self.uid)


class Waiting(Protocol):
    """Somebody waits for an answer: a future of this process, or a `Vouch` for an asker of another node."""

    def done(self) -> bool: ...

    def set_exception(self, exception: Exception, /) -> None: ...


@dataclass(slots=True, eq=False)
class PendingAsk:
    """An ask that waits, as its target's cell knows it."""

    message: object
    promise: "weakref.ref[ActorRef[Any]]"


class Target(Protocol):
    """Where it is known who waits for an answer."""

    asks: dict[Waiting, PendingAsk] | None


class Vouch:
    """Watches over an ask that another node makes: `failed` is called as soon as nobody here can answer it any more.
    The asker watches the time himself.
    """

    __slots__ = ("_cell", "_failed", "_waiting")

    def __init__(self, cell: Cell, waiting: dict[Waiting, float], failed: Callable[[Exception], None]) -> None:
        self._cell = cell
        self._waiting: dict[Waiting, float] | None = waiting
        self._failed = failed

    def done(self) -> bool:
        return self._waiting is None

    def answered(self) -> None:
        """Nothing is left to watch over."""
        if self._waiting is not None:
            self._waiting.pop(self, None)
            self._waiting = None
            if self._cell.asks is not None:
                self._cell.asks.pop(self, None)

    def set_exception(self, exception: Exception, /) -> None:
        self.answered()
        if not isinstance(exception, TimeoutError):
            self._failed(exception)


class Asks:
    """The asks of one actor system."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._deadlines: dict[float, dict[Waiting, float]] = {}
        """Per timeout who waits, in the order of their deadlines."""
        self._sweep_timer: TimerHandle | None = None
        self.asks: dict[Waiting, PendingAsk] | None = None
        """Those of references without a cell of this process."""
        self._exported: weakref.WeakValueDictionary[int, Future[Any]] = weakref.WeakValueDictionary()
        """The futures whose promises have been given an address, by its uid: another node may answer."""
        self._abroad: dict[int, Future[Any]] = {}
        """The futures of those asks that other nodes were asked, by the uids of their promises."""
        kernel.event_stream.subscribe(DeadLetter, self._on_dead_letter)

    async def ask[M, R](
        self, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float, *, held: bool = False
    ) -> R:
        """The first answer told to the reference that `factory` was given.

        A command handler that asks waits for the answer, and so the message cannot wait for the command's events;
        `held` says that nobody waits and that it may.
        """
        if OPEN and (outbox := current()) is not None and outbox.undecided and not held:
            return await self._ask_undecided(outbox, ref, factory, timeout)
        target: Any = ref
        cell: Cell | None = target.cell if type(target) is LocalRef else None
        if cell is None and isinstance(ref, AskedRef):
            return await ref.asked(self, factory, timeout)
        dispatcher = self._kernel.dispatcher
        future: Future[R] = Future(loop=dispatcher.loop)
        promise = PromiseRef(self._kernel, future)
        message = factory(promise)
        if cell is not None and cell.state == IDLE and not OPEN:
            if dispatcher.run_with(cell, message) and future.done():
                return future.result()
            register(cell, future, message, promise)
        else:
            register(self if cell is None else cell, future, message, promise)
            ref.tell(message)
        # From here on only those who may answer hold the reply reference.
        del message, promise
        return await self._wait(self if cell is None else cell, future, timeout)

    async def ask_by[M](
        self, send: Callable[[M, int, float], None], factory: Callable[[ActorRef[Any]], M], timeout: float
    ) -> Any:
        """An ask whose message leaves this process by `send(message, uid of its reply reference, timeout)`; it ends
        with `answer` or `fail`.
        """
        uid = next(self._kernel.uids)
        future: Future[Any] = Future(loop=self._kernel.dispatcher.loop)
        message = factory(PromiseRef(self._kernel, future, uid))
        self._abroad[uid] = future
        try:
            send(message, uid, timeout)
            del message
            return await self._wait(self, future, timeout)
        finally:
            del self._abroad[uid]

    def export(self, future: Future[Any]) -> int:
        """A uid for the reply reference of an ask, by which other nodes can complete it."""
        uid = next(self._kernel.uids)
        self._exported[uid] = future
        return uid

    def promise(self, uid: int) -> PromiseRef[Any] | None:
        """The reply reference of that uid, come back from another node, as long as somebody waits for the answer."""
        future = self._find(uid)
        return None if future is None else PromiseRef(self._kernel, future, uid)

    def answer(self, uid: int, message: Any) -> None:
        """An answer from another node. The asker may have gone on: then nobody waits for it."""
        future = self._find(uid)
        if future is not None and not future.done():
            future.set_result(message)

    def fail(self, uid: int, error: Exception) -> None:
        """No answer will come to this reply reference."""
        future = self._find(uid)
        if future is not None:
            fail(future, error)

    def _find(self, uid: int) -> Future[Any] | None:
        return self._abroad.get(uid) or self._exported.get(uid)

    def vouch(
        self,
        cell: Cell,
        message: object,
        promise: ActorRef[Any],
        timeout: float,
        failed: Callable[[Exception], None],
    ) -> Vouch:
        """Watch over an ask that another node makes of `cell`, and that `promise` answers."""
        vouch = Vouch(cell, self._deadlines_of(timeout), failed)
        register(cell, vouch, message, promise)
        self._enlist(vouch, timeout)
        return vouch

    async def _ask_undecided[M, R](
        self, outbox: Outbox, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float
    ) -> R:
        await outbox.predecessors()
        token = CURRENT.set(None)
        try:
            return await self.ask(ref, factory, timeout)
        finally:
            CURRENT.reset(token)

    async def _wait(self, target: Target, future: Future[Any], timeout: float) -> Any:
        waiting = self._enlist(future, timeout)
        try:
            return await future
        finally:
            self._kernel.dispatcher.refill_inline()
            del waiting[future]
            if target.asks is not None:
                target.asks.pop(future, None)

    def _deadlines_of(self, timeout: float) -> dict[Waiting, float]:
        """The deadlines of all who wait for as long."""
        deadlines = self._deadlines.get(timeout)
        if deadlines is None:
            deadlines = self._deadlines[timeout] = {}
        return deadlines

    def _enlist(self, waiting: Waiting, timeout: float) -> dict[Waiting, float]:
        """Have the wheel end it in time; the result is where it is to be taken from when it is over."""
        deadlines = self._deadlines_of(timeout)
        clock = self._kernel.clock
        deadlines[waiting] = clock.time() + timeout
        if self._sweep_timer is None:
            self._sweep_timer = clock.call_later(min(SWEEP, max(timeout, 0.0)), self._sweep)
        return deadlines

    def _sweep(self) -> None:
        now = self._kernel.clock.time()
        wait = SWEEP
        for timeout, deadlines in list(self._deadlines.items()):
            if not deadlines:
                del self._deadlines[timeout]
            overdue: list[Waiting] = []
            for waiting, deadline in deadlines.items():
                if deadline - now > CLOSE:
                    wait = min(wait, deadline - now)
                    break
                overdue.append(waiting)
            for waiting in overdue:
                fail(waiting, TimeoutError(f"no answer within {timeout} s"))
        self._sweep_timer = self._kernel.clock.call_later(wait, self._sweep) if self._deadlines else None

    def close(self) -> None:
        """The system has stopped: whoever still waits for an answer is told so."""
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        for deadlines in self._deadlines.values():
            for waiting in list(deadlines):
                fail(waiting, ActorStoppedError("the actor system stopped without an answer"))

    def _on_dead_letter(self, letter: DeadLetter) -> None:
        ref = letter.intended_ref
        error = ActorStoppedError(f"{ref.address.path} cannot answer: {letter.reason}")
        if isinstance(ref, LocalRef):
            error.__cause__ = failure_of(ref.cell)
        fail_asks_with(ref.cell if isinstance(ref, LocalRef) else self, letter.message, error)


def register(target: Target, waiting: Waiting, message: object, promise: ActorRef[Any]) -> None:
    """Let the target know who waits for its answer."""
    if target.asks is None:
        target.asks = {}
    target.asks[waiting] = PendingAsk(message, weakref.ref(promise))


def fail_asks_with(target: Target, message: object, error: Exception) -> None:
    """Fail the asks whose very message this is."""
    for waiting, pending in list((target.asks or {}).items()):
        if pending.message is message:
            fail(waiting, error)


def orphan_asks(cell: Cell) -> None:
    """The target has stopped: each ask fails as soon as nobody else holds its reply reference."""
    asks, cell.asks = cell.asks, None
    error = ActorStoppedError(f"{cell.path} stopped without answering")
    error.__cause__ = failure_of(cell)
    while asks:
        waiting, pending = asks.popitem()
        reply_to = pending.promise
        del pending
        promise = reply_to()
        if promise is None:
            fail(waiting, error)
        else:
            loop = cell.kernel.dispatcher.loop
            weakref.finalize(promise, _fail_soon, loop, waiting, error).atexit = False
            del promise


def _fail_soon(loop: AbstractEventLoop, waiting: Waiting, error: ActorStoppedError) -> None:
    """Wherever the last reference was dropped: the garbage collector may do it in any thread."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(fail, waiting, error)


def fail(waiting: Waiting, error: Exception) -> None:
    """Nobody can answer any more."""
    if not waiting.done():
        waiting.set_exception(error)


def failure_of(cell: Cell) -> BaseException | None:
    """What stopped the actor, if it did not stop by wish."""
    return None if cell.life is None else cell.life.reason
