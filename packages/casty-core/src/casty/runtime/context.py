"""The context that a cell's handlers are given."""

import logging
from asyncio import CancelledError, Task, current_task
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import CoroutineType
from typing import Any, Final, cast, overload, override

from casty.behaviors.arguments import check_awaitable, check_factory, check_mappers
from casty.behaviors.context import ActorContext, Timers
from casty.behaviors.functions import refuse_coroutine
from casty.behaviors.routing import RouterBehavior, RouterRef
from casty.behaviors.system import System
from casty.behaviors.values import Behavior
from casty.errors import BehaviorError, StashOverflowError
from casty.interruption import raise_unless_failure
from casty.mailbox import Mailbox
from casty.quantities import checked_seconds
from casty.ref import ActorRef, checked_ref
from casty.runtime import children
from casty.runtime.adapters import adapter
from casty.runtime.cell import Cell, LocalRef
from casty.runtime.extras import CellExtras
from casty.runtime.logs import ActorLog
from casty.runtime.revocable import REVOKED, Revocable
from casty.runtime.signals import Fail, Unstash
from casty.runtime.stopping import request_stop
from casty.runtime.timers import KeyedTimers
from casty.runtime.watch import unwatch, watch

STASH_CAPACITY: Final = 1000


def open_context(cell: Cell) -> ActorContext[Any]:
    """The cell's context, made at its first use."""
    context = cell.context
    if context is None:
        context = cell.context = CellContext(cell)
    return context


class CellContext:
    """`ActorContext` over a cell; its contract is there."""

    __slots__ = ("_cell", "_log", "self")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.self: ActorRef[Any] = cell.ref
        self._log: logging.LoggerAdapter[logging.Logger] | None = None

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        if self._log is None:
            self._log = ActorLog(self._cell)
        return self._log

    @property
    def system(self) -> System:
        return self._cell.services.system

    @property
    def parent(self) -> ActorRef[Any] | None:
        parent = self._cell.parent
        return None if parent is None or parent.parent is None else parent.ref

    @property
    def children(self) -> Sequence[ActorRef[Any]]:
        return children.listed(self._cell.extras)

    def now(self) -> datetime:
        return self._cell.services.system_clock.now()

    def time(self) -> float:
        return self._cell.services.clock.time()

    @property
    def timers(self) -> Timers[Any]:
        return _ActorTimers(self._cell)

    @overload
    def spawn[N](
        self, behavior: RouterBehavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RouterRef[N]: ...
    @overload
    def spawn[N](
        self, behavior: Behavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[N]: ...
    def spawn[N](
        self, behavior: Behavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[N]:
        return children.spawn_cell(self._cell, behavior, name, mailbox).ref

    def stop(self, ref: ActorRef[Any]) -> None:
        cell = self._cell
        ref = checked_ref(ref, "ctx.stop")
        target = ref.cell if isinstance(ref, LocalRef) else None
        if target is None or (target is not cell and target.parent is not cell):
            raise ValueError(f"{cell.path} may stop its children and itself, but not {ref.address.path}")
        request_stop(target)

    def passivate(self) -> None:
        cell = self._cell
        if cell.keeper is None:
            raise BehaviorError(
                f"{cell.path} is no entity: ctx.passivate() is for entities of Behaviors.sharded, which start again "
                "with their next message; to stop for good, return Behaviors.stopped()"
            )
        cell.keeper.passivate(cell)

    def watch(self, ref: ActorRef[Any]) -> None:
        watch(self._cell, checked_ref(ref, "ctx.watch"))

    def watch_with(self, ref: ActorRef[Any], message: Any) -> None:
        watch(self._cell, checked_ref(ref, "ctx.watch_with"), message)

    def unwatch(self, ref: ActorRef[Any]) -> None:
        unwatch(self._cell, checked_ref(ref, "ctx.unwatch"))

    def pipe_to_self[T](
        self,
        awaitable: Awaitable[T],
        mapper: Callable[[T], Any] | None = None,
        on_failure: Callable[[Exception], Any] | None = None,
    ) -> None:
        try:
            check_awaitable(awaitable)
            check_mappers(mapper, on_failure, "ctx.pipe_to_self")
        except BehaviorError:
            if isinstance(awaitable, CoroutineType):
                awaitable.close()  # nothing will await it
            raise
        self._pipe(awaitable, mapper, on_failure)

    def _pipe(
        self,
        awaitable: Awaitable[Any],
        mapper: Callable[[Any], Any] | None,
        on_failure: Callable[[Exception], Any] | None,
    ) -> None:
        tasks = self._cell.own_extras().tasks
        # Started at once, so that whatever is awaited has begun and can be cancelled properly.
        task = Task(_pipe(self._cell, awaitable, mapper, on_failure), loop=self._cell.dispatcher.loop, eager_start=True)
        if not task.done():
            tasks[task] = None
            task.add_done_callback(lambda done: tasks.pop(done, None))

    def ask[N, R](
        self,
        ref: ActorRef[N],
        factory: Callable[[ActorRef[R]], N],
        mapper: Callable[[R], Any],
        timeout: float = 5.0,
        on_failure: Callable[[Exception], Any] | None = None,
    ) -> None:
        ref = checked_ref(ref, "ctx.ask")
        checked_seconds(timeout, "timeout of ctx.ask")
        check_factory(factory)
        check_mappers(mapper, on_failure, "ctx.ask")
        self._pipe(self._cell.services.asks.ask(ref, factory, timeout, held=True), mapper, on_failure)

    def message_adapter[U](self, adapt: Callable[[U], Any]) -> ActorRef[U]:
        return adapter(self._cell, adapt)

    def stash(self, message: Any) -> None:
        stash = self._cell.own_extras().stash
        if len(stash) >= STASH_CAPACITY:
            raise StashOverflowError(
                f"{self._cell.path} has stashed {STASH_CAPACITY} messages, which is the most it may"
            )
        stash.append(message)

    def unstash_all(self) -> None:
        if self._cell.own_extras().stash:
            self._cell.signal(Unstash())


async def _pipe(
    cell: Cell,
    awaitable: Awaitable[Any],
    mapper: Callable[[Any], Any] | None,
    on_failure: Callable[[Exception], Any] | None,
) -> None:
    me, extras = current_task(), cell.own_extras()
    incarnation = extras.incarnation
    try:
        try:
            result = await _uncancelled(awaitable)
        except BaseException as error:
            raise_unless_failure(error, me)
            if on_failure is None:
                raise
            message = on_failure(cast("Exception", error))
        else:
            message = result if mapper is None else mapper(result)
        refuse_coroutine(message, "the mapper of a pipe", mapper or on_failure)
    except BaseException as error:
        raise_unless_failure(error, me)
        if extras.incarnation == incarnation:
            cell.signal(Fail(error))
    else:
        cell.tell_revocable(_Result(extras, incarnation, message))


@dataclass(slots=True, eq=False)
class _Result(Revocable):
    """What work that was piped has come to: for the incarnation that has piped it."""

    extras: CellExtras
    incarnation: int
    message: Any

    @override
    def take(self) -> Any:
        return self.message if self.extras.incarnation == self.incarnation else REVOKED


async def _uncancelled[T](awaitable: Awaitable[T]) -> T:
    """Await; a cancellation from outside is a failure like any other, and does not end this task."""
    try:
        return await awaitable
    except CancelledError as error:
        me = current_task()
        if me is None or me.cancelling():
            raise
        raise RuntimeError("what the actor waited for was cancelled") from error


class _ActorTimers(Timers[Any]):
    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @override
    def start(self, key: str, message: Any, *, every: float | None = None, after: float | None = None) -> None:
        cell = self._cell
        extras = cell.own_extras()
        if extras.timers is None:
            extras.timers = KeyedTimers(cell.services.clock, lambda _, due: cell.tell_revocable(due))
        if every is not None and after is None:
            checked_seconds(every, f"every= of the timer {key!r}", zero=False)
            extras.timers.repeat(key, cell.ref, message, every)
        elif after is not None and every is None:
            checked_seconds(after, f"after= of the timer {key!r}")
            extras.timers.once(key, cell.ref, message, after)
        else:
            raise ValueError(f"a timer needs either every= or after=: {key!r}")

    @override
    def cancel(self, key: str) -> None:
        timers = self._cell.own_extras().timers
        if timers is not None:
            timers.cancel(key)
