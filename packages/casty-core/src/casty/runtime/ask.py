"""Request and reply without an actor in between: a future, and a reference that completes it.

An ask fails as soon as no reply can come: its message became a dead letter, its handler raised, or its target stopped
and nothing else holds the reply reference. Otherwise it fails at its timeout, which one wheel for all asks watches.
"""

import weakref
from asyncio import Future, current_task
from collections.abc import Callable
from threading import get_ident
from types import CoroutineType, NoneType
from typing import Any, Final, override

from casty.address import ActorAddress
from casty.behaviors.arguments import check_asked, check_factory
from casty.errors import ActorStoppedError
from casty.messages import Asked, kind_of
from casty.output_commit import CURRENT, OPEN, Output, current
from casty.quantities import checked_seconds
from casty.ref import ActorRef, Asking
from casty.runtime.adapters import translator
from casty.runtime.asked import AskedRef, AskingElsewhere
from casty.runtime.cell import IDLE, Cell, LocalRef
from casty.runtime.deadlines import OVERDUE, Deadlines
from casty.runtime.deadlock import Awaited, refuse_deadlock
from casty.runtime.dispatcher import Dispatcher
from casty.runtime.doing import DriverTask
from casty.runtime.outages import refuse_if_asked
from casty.runtime.pending import PendingAsk, RemoteAskGuard, fail, fail_asks_with, refusal, register, release
from casty.runtime.routed import RoutedRef
from casty.runtime.services import Services
from casty.runtime.slices import in_slices
from casty.runtime.threads import wrong_thread
from casty.runtime.waiting_for import waits_for
from casty.runtime.ways import CARRIED, FRONT, ROUTED, way_of

ASKS: Final = "/_ask"
"""The path of every reply reference; they differ by their uids."""
NO_REPLY: Final = object()
"""Stands for the reply until there is one, as any value may be a reply."""
type Why = Callable[[], str] | None


class PromiseRef[R](ActorRef[R]):
    """Completes an ask with the first message; later ones are dropped, because the asker has gone on."""

    __slots__ = ("_asks", "_future", "_uid", "reply")

    def __init__(self, asks: "Asks", future: "Future[R] | None" = None, uid: int = 0) -> None:
        self._asks = asks
        self._future: Future[R] | None = future
        self._uid = uid
        self.reply: Any = NO_REPLY
        """What came before there was a future: the target has replied in place, and the asker need not wait."""

    @property
    def uid(self) -> int:
        """The number by which other nodes can reply; drawn at first use."""
        if not self._uid:
            self._uid = self._asks.export(None if self.over else self.future())
        return self._uid

    def future(self) -> "Future[R]":
        """What the asker awaits, made when it has to wait."""
        if self._future is None:
            self._future = Future(loop=self._asks.dispatcher.loop)
        return self._future

    @property
    def over(self) -> bool:
        """Whether the ask has its reply, or has ended without."""
        return self.reply is not NO_REPLY or (self._future is not None and self._future.done())

    def end(self) -> None:
        """The ask is over. An error that it ended with refers to the message, and so to this: no cycle may be left."""
        self._future = None
        self.reply = None

    @property
    @override
    def address(self) -> ActorAddress:
        return self._asks.services.address(ASKS, self.uid)

    @property
    @override
    def asks(self) -> Asking:
        return self._asks

    # Inlined: every reply passes here.
    @override
    def tell(self, message: R) -> None:
        if OPEN and (output := current()) is not None:
            output.hold(self.tell, message)
            return
        future = self._future
        if future is None:
            if self.reply is NO_REPLY:
                self.reply = message
        elif not future.done():
            if get_ident() != self._asks.dispatcher.thread:
                raise wrong_thread()
            future.set_result(message)

    _deliver = tell

    @override
    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    @override
    def __hash__(self) -> int:
        return hash(self.uid)


class Asks(AskingElsewhere):
    """The asks of one actor system."""

    def __init__(self, services: Services, dispatcher: Dispatcher) -> None:
        self.services = services
        self.dispatcher = dispatcher
        self._deadlines = Deadlines(services.clock, dispatcher.loop.call_soon)
        self.asks: dict[int, PendingAsk] | None = None
        """Those of references without a cell of this process."""
        self._lost: tuple[int, ActorRef[Any], str, Exception | None] | None = None
        """The last dead letter without an ask: by the identity of its message, the arguments of `undeliverable`. An ask
        that runs in place is registered only after that.
        """
        self._awaited: dict[Cell, Awaited] = {}
        """What handlers await themselves."""
        self._exported: weakref.WeakValueDictionary[int, Future[Any]] = weakref.WeakValueDictionary()
        """The futures whose promises have been given an address, by its uid: another node may reply."""
        self._abroad: dict[int, Future[Any]] = {}
        """The futures of those asks that other nodes were asked, by the uids of their promises."""

    @override
    # long: every ask passes here, and each call taken out of it would cost all of them.
    async def ask[M, R](
        self,
        ref: ActorRef[M],
        factory: Callable[[ActorRef[R]], M],
        timeout: float,
        *,
        held: bool = False,
        asker: Cell | None = None,
    ) -> R:
        """The first reply told to the reference that `factory` was given.

        A command handler that asks waits for the reply, and so the message cannot wait for the command's events;
        `held` says that the handler does not wait and that the message may. `asker` is an actor whose handler waits.
        """
        if OPEN and (output := current()) is not None and output.undecided and not held:
            return await self._ask_undecided(output, ref, factory, timeout)
        if not (type(timeout) is float and timeout >= 0):
            timeout = checked_seconds(timeout, "timeout of ask")
        target: Any = ref
        cell: Cell | None = target.cell if type(target) is LocalRef else None
        routed: RoutedRef[Any] | None = None
        if cell is None:
            other: Any = ref
            way = way_of(ref)
            if way == CARRIED:
                return await other.asked(self, factory, timeout)
            if way == FRONT:
                return await self.ask(other.target, factory, timeout, held=held, asker=asker)
            routed = other if way == ROUTED else None
        if (cell is not None or routed is not None) and not held and type(task := current_task()) is DriverTask:
            return await self._ask_in_turn(task.cell, cell, ref, factory, timeout)
        promise: PromiseRef[R] = PromiseRef(self)
        try:
            message = factory(promise)
        except TypeError:
            check_factory(factory)
            raise
        kind: Any = kind_of(message) if type(message) is Asked else type(message)
        if kind is NoneType or kind is CoroutineType:
            check_asked(message, factory)
        told: Any = message
        asked: ActorRef[Any] = ref
        if routed is not None:
            place = None if routed.moves and OPEN and current() is not None else routed.route(message)
            asked, told = (routed, message) if place is None else place
            target = asked
            if type(target) is LocalRef:
                cell = target.cell
            elif place is None or way_of(target) in (CARRIED, ROUTED):
                elsewhere = self._ask_elsewhere(target, promise, told, timeout)
                del place, message, told, promise
                return await elsewhere
            del place  # it would keep the message, and with it the reply reference
            if asker is not None and cell is not None:
                refuse_deadlock(self._awaited, asker, cell)
        if asker is not None and cell is not None:
            self._awaited[asker] = Awaited(cell, weakref.ref(promise), id(told))
        if (
            cell is not None
            and cell.state == IDLE
            and (cell.extras is None or cell.replies_at_once())
            and (not OPEN or current() is None)
        ):
            self._lost = None
            self.dispatcher.run_with(cell, told)
            if promise.reply is not NO_REPLY:
                return promise.reply
            future = promise.future()
            pending = register(cell, future, told, promise)
            self._fail_if_lost(told)
        else:
            future = promise.future()
            pending = register(cell or translator(asked) or self, future, told, promise)
            try:
                if cell is None or cell.extras is None or not refuse_if_asked(cell, told):
                    if routed is not None and routed.chooses:
                        asked.tell(told)
                    else:
                        ref.tell(message)
            except BaseException:
                release(pending)
                raise
        # From here on only those who may reply hold the reply reference.
        del message, told, promise
        deadlines = self._deadlines.enlist(future, timeout)
        try:
            reply: Any = await future
        except BaseException:
            if (unused := pending.promise()) is not None:
                unused.end()
            del unused
            raise
        finally:
            self.dispatcher.refill_inline()
            deadlines.pop(future, None)
            release(pending)
            del pending, future  # the future holds an error whose traceback holds this frame
        if reply is OVERDUE:
            raise overdue(asked, kind, timeout)
        return reply

    async def _ask_in_turn[M, R](
        self, asker: Cell, cell: Cell | None, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float
    ) -> R:
        """An ask that a handler awaits itself: raises `DeadlockError` if that would be for ever. Where the message
        decides which actor is asked, `ask` finds out.
        """
        if cell is not None:
            refuse_deadlock(self._awaited, asker, cell)
        try:
            return await self.ask(ref, factory, timeout, held=True, asker=asker)
        finally:
            self._awaited.pop(asker, None)

    async def _ask_elsewhere[M](
        self, ref: AskedRef[M] | RoutedRef[M], promise: PromiseRef[Any], message: M, timeout: float
    ) -> Any:
        """An ask of an actor that is not in this process, or may not be when its message leaves."""
        future = promise.future()
        uid = promise._uid = promise._uid or next(self.services.uids)
        kind = kind_of(message)
        ask = ref.ask_elsewhere(message, promise, uid, timeout)
        self._abroad[uid] = future
        try:
            if OPEN and (output := current()) is not None:
                output.hold(lambda held: held.send(), ask)
            else:
                ask.send()
            del promise, message
            return await self._wait(future, timeout, ref, kind, ask.waits_for)
        finally:
            del self._abroad[uid]
            ask.end()
            del ask, future

    async def ask_by[M](
        self,
        ref: ActorRef[M],
        send: Callable[[M, int, float], None],
        factory: Callable[[ActorRef[Any]], M],
        timeout: float,
    ) -> Any:
        """See `AskingElsewhere`. The ask ends with `answer` or `fail`."""
        uid = next(self.services.uids)
        future: Future[Any] = Future(loop=self.dispatcher.loop)
        check_factory(factory)
        message = factory(PromiseRef(self, future, uid))
        check_asked(message, factory)
        self._abroad[uid] = future
        kind = kind_of(message)
        try:
            send(message, uid, timeout)
            del message
            return await self._wait(future, timeout, ref, kind)
        finally:
            del self._abroad[uid], future

    def export(self, future: Future[Any] | None) -> int:
        """A uid for the reply reference of an ask, by which other nodes can complete it unless it is over."""
        uid = next(self.services.uids)
        if future is not None:
            self._exported[uid] = future
        return uid

    def promise(self, uid: int) -> PromiseRef[Any] | None:
        """The reply reference of that uid, returned by another node, while its asker waits."""
        future = self._find(uid)
        return None if future is None else PromiseRef(self, future, uid)

    def answer(self, uid: int, message: Any) -> None:
        """Take a reply from another node; it is dropped if the asker has gone on."""
        future = self._find(uid)
        if future is not None and not future.done():
            future.set_result(message)

    def fail(self, uid: int, error: Exception) -> None:
        """Fail the ask of this reply reference: no reply will come."""
        future = self._find(uid)
        if future is not None:
            fail(future, error)

    def _find(self, uid: int) -> Future[Any] | None:
        return self._abroad.get(uid) or self._exported.get(uid)

    def guard(
        self,
        ref: ActorRef[Any],
        message: object,
        promise: ActorRef[Any],
        timeout: float,
        failed: Callable[[Exception], None],
    ) -> RemoteAskGuard:
        """Guard an ask that another node makes of an actor, or a message adapter, of this process, and to which
        `promise` carries the reply.
        """
        guard = RemoteAskGuard(failed)
        target = ref.cell if isinstance(ref, LocalRef) else translator(ref) or self
        guard.pending = register(target, guard, message, promise)
        guard.deadlines = self._deadlines.enlist(guard, timeout)
        return guard

    def deliver(self, ref: ActorRef[Any], message: Any) -> None:
        """Deliver a message whose reply another node awaits: inline where the actor is idle, else through its mailbox.

        During an outage of the actor's journal the ask fails instead, as one of this process would.
        """
        cell = ref.cell if isinstance(ref, LocalRef) else None
        if cell is not None and cell.replies_at_once() and (not OPEN or current() is None):
            self.dispatcher.run_with(cell, message)
        elif cell is None or not refuse_if_asked(cell, message):
            self.services.dead_letters.tell(ref, message)

    async def _ask_undecided[M, R](
        self, output: Output, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float
    ) -> R:
        await output.predecessors()
        token = CURRENT.set(None)
        try:
            return await self.ask(ref, factory, timeout)
        finally:
            CURRENT.reset(token)

    async def _wait(self, future: Any, timeout: float, ref: ActorRef[Any], kind: type, why: Why = None) -> Any:
        deadlines = self._deadlines.enlist(future, timeout)
        try:
            reply = await future
        finally:
            self.dispatcher.refill_inline()
            deadlines.pop(future, None)
            del future  # else an error, its traceback and the future keep each other alive
        if reply is OVERDUE:
            raise overdue(ref, kind, timeout, why)
        return reply

    async def close(self) -> None:
        """The system has stopped: whatever still waits for a reply fails."""
        await in_slices(
            lambda waiting: fail(waiting, ActorStoppedError("the actor system stopped without an answer")),
            self._deadlines.close(),
        )

    def _fail_if_lost(self, message: object) -> None:
        """Fail the ask of a message that became a dead letter before the ask was registered."""
        if self._lost is not None and self._lost[0] == id(message):
            self.undeliverable(message, *self._lost[1:])

    def undeliverable(self, message: object, ref: ActorRef[Any], reason: str, cause: Exception | None) -> None:
        """This message will not be handled: its ask, if any, fails at once."""
        cell = ref.cell if isinstance(ref, LocalRef) else None
        target = self if cell is None else cell
        self._lost = (id(message), ref, reason, cause)
        if target.asks:
            fail_asks_with(target, message, lambda: refusal(ref, reason, cause, _failure_of(cell)))


def overdue(ref: ActorRef[Any], kind: type, timeout: float, why: Why = None) -> TimeoutError:
    """The error of an ask without a reply in time."""
    because = waits_for(ref) if why is None else why()
    return TimeoutError(f"{ref.address.path} did not answer {kind.__qualname__} within {timeout:g} s{because}")


def _failure_of(cell: Cell | None) -> BaseException | None:
    """The failure that stopped the actor, if one did."""
    return None if cell is None or cell.extras is None else cell.extras.reason
