"""The life cycle of an actor: start, restart, stop, and what a handler's result does to it.

A cell with signals attends to them before its next message. Whatever raises on the way becomes a `Fail` in the same
lane, here or in the dispatcher, so that no exception leaves an actor alive but deaf.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

from casty.behaviors.supervision import Directive
from casty.behaviors.values import (
    Behavior,
    RestartBehavior,
    SameBehavior,
    StoppedBehavior,
    UnhandledBehavior,
)
from casty.errors import ActorFailedError, BehaviorError, ConfigError, JournalError, PluginError
from casty.events import ActorRestarted, ActorStarted, UnhandledMessage
from casty.interruption import described, raise_unless_failure, readable
from casty.messages import kind_of
from casty.runtime.cell import PAUSED, SCHEDULED, Cell
from casty.runtime.children import stop_children
from casty.runtime.context import open_context
from casty.runtime.dead_letters import UNREAD
from casty.runtime.extras import CellExtras, PendingRestart
from casty.runtime.failure import judge
from casty.runtime.interpret import become
from casty.runtime.logs import about
from casty.runtime.mailbox import CLOSED
from casty.runtime.outages import begin_outage
from casty.runtime.pending import fail_asks_with, restated
from casty.runtime.signals import Become, Fail, Restart, Start, Stop, Unstash
from casty.runtime.slices import Draining, in_slices
from casty.runtime.stopping import finish, request_stop
from casty.runtime.watch import unwatch_all
from casty.runtime.wrapping import EMPTY

logger = logging.getLogger("casty")


def follow(cell: Cell, behavior: Any, message: Any) -> None:
    """Carry out a handler's result, except for the most common ones, which the dispatcher handles itself."""
    match behavior:
        case SameBehavior():
            pass
        case StoppedBehavior():
            cell.signal(Stop())
        case UnhandledBehavior():
            cell.services.event_stream.publish(UnhandledMessage(message, cell.ref))
        case RestartBehavior():
            cell.signal(Restart())
        case Behavior():
            cell.signal(Become(cast("Behavior[Any]", behavior)))
        case _ if cell.unchanged is None:
            pass
        case _:
            raise BehaviorError(
                f"the handler of {cell.path} returned {behavior!r} for {kind_of(message).__qualname__}, which is no "
                "behavior; return Behaviors.same() to keep the current one"
            )


async def attend(cell: Cell) -> None:
    """Attend to every signal in the lane."""
    extras = cell.own_extras()
    while extras.signals:
        signal = extras.attending = extras.signals.popleft()
        try:
            match signal:
                case Start(after):
                    await _start(cell, extras, after)
                case Stop():
                    await _stop(cell, extras)
                    return
                case Fail(exception, message):
                    _fail(cell, extras, readable(exception), message)
                    if extras.signals:
                        return  # why: an actor that fails at every start must not starve the others
                case Restart(exception, delay, message):
                    await _wind_down(cell, extras, exception, message)
                    _start_after(cell, extras, signal, delay)
                case Become(behavior):
                    await _close_resources(extras)
                    await become(cell, behavior)
                case Unstash():
                    _unstash(cell, extras)
            cell.dispatcher.check_abandoned()
        except Exception as error:
            cell.dispatcher.check_abandoned()
            if cell.admission is CLOSED:
                logger.exception("%s could not stop in order, and is gone now", cell.path)
                finish(cell)
                return
            extras.signals.append(Fail(error))
    extras.attending = None
    if extras.backoff is None:
        cell.state = SCHEDULED
    else:
        cell.state = PAUSED
        cell.dispatcher.pause(cell)


async def _start(cell: Cell, extras: CellExtras, after: Restart | None) -> None:
    extras.backoff = None
    extras.wrapping = EMPTY
    cell.handler = None
    await become(cell, cell.initial, starting=True)
    extras.outage = None
    stream = cell.services.event_stream
    if after is None:
        stream.publish(ActorStarted(cell.ref))
        return
    for hooks in extras.wrapping.hooks:
        if hooks.post_restart is not None:
            await hooks.post_restart(open_context(cell))
            cell.dispatcher.check_abandoned()
    if after.exception is not None:
        stream.publish(ActorRestarted(cell.ref, after.exception))


def _fail(cell: Cell, extras: CellExtras, exception: BaseException, message: object) -> None:
    """Let supervision decide, and signal its verdict to the actors that it affects."""
    if message is not None:
        fail_asks_with(cell, message, lambda: _failed(cell, extras, message, exception))
    try:
        verdict = judge(cell, exception)
    except BaseException as broken:
        raise_unless_failure(broken)
        logger.exception("the supervision of %s failed to decide: the actor stops", cell.path, extra=about(cell))
        extras.reason = broken
        extras.signals.appendleft(Stop())
        return
    if verdict.directive is Directive.resume and cell.handler is None:
        verdict = replace(verdict, directive=Directive.stop)  # it failed to start: there is no behavior to resume
    begin_outage(cell, extras, exception)
    # A journal outage fails many actors at once, and the text of these errors is enough.
    trace = None if isinstance(exception, JournalError | ConfigError | PluginError) else exception
    logger.error(
        "%s failed, and supervision says %s: %s",
        cell.path,
        verdict.directive.value,
        described(exception),
        exc_info=trace,
        extra=about(cell),
    )
    match verdict.directive:
        case Directive.resume:
            pass
        case Directive.restart:
            for affected in verdict.cells:
                affected.signal(Restart(exception, verdict.delay, message if affected is cell else None))
        case Directive.stop | Directive.escalate:
            for affected in verdict.cells:
                affected.own_extras().reason = exception
                request_stop(affected)
            parent = cell.parent
            # An entity's parent is its shard, which no user supervises, and whose other entities go on.
            above = parent is not None and parent.parent is not None and cell.keeper is None
            if verdict.directive is Directive.escalate and parent is not None and above:
                parent.signal(Fail(exception))


def _failed(cell: Cell, extras: CellExtras, message: object, exception: BaseException) -> Exception:
    """The error of an ask whose message made the actor fail."""
    text = f"{cell.path} failed on {kind_of(message).__qualname__}: {described(exception)}"
    if extras.event_sourced and isinstance(exception, JournalError):
        return restated(exception, text)
    failed = ActorFailedError(text)
    failed.__cause__ = exception
    return failed


async def _wind_down(cell: Cell, extras: CellExtras, exception: BaseException | None, message: object) -> None:
    """End an incarnation before the next one: messages in the mailbox and the stash are kept."""
    if exception is not None:
        for hooks in reversed(extras.wrapping.hooks):
            if hooks.pre_restart is not None:
                await hooks.pre_restart(open_context(cell), exception)
                cell.dispatcher.check_abandoned()
            if hooks.restarting is not None:
                await hooks.restarting(open_context(cell), exception, message)
                cell.dispatcher.check_abandoned()
    await _end_family(cell, extras)
    await _close_resources(extras)
    _unstash(cell, extras)


def _unstash(cell: Cell, extras: CellExtras) -> None:
    if extras.stash:
        cell.put_first(extras.stash)
        extras.stash.clear()


def _start_after(cell: Cell, extras: CellExtras, restart: Restart, delay: float) -> None:
    start = Start(after=restart)
    if extras.backoff is not None:
        extras.backoff.cancel()
        extras.backoff = None
    if delay <= 0:
        extras.signals.append(start)
        return
    clock = cell.services.clock
    timer = clock.call_later(delay, cell.signal, start)
    extras.backoff = PendingRestart(timer, clock.time() + delay, restart.exception)


async def _stop(cell: Cell, extras: CellExtras) -> None:
    if extras.patience is not None:
        extras.patience.cancel()
    admission, cell.admission = cell.admission, CLOSED
    if admission is not None:
        admission.read(cell)
    # Queued messages of its timers and watches are revoked; they do not become dead letters.
    unwatch_all(cell)
    if extras.timers is not None:
        await extras.timers.cancel_all()
    waiting = cell.take_waiting()
    waiting.extendleft(reversed(extras.stash))
    extras.stash.clear()
    unread = waiting if cell.keeper is None else cell.keeper.inherit(cell, waiting)
    publish, ref = cell.services.dead_letters.publish, cell.ref
    await in_slices(lambda message: publish(message, ref, UNREAD), Draining(unread))
    await _end_family(cell, extras)
    if resources := tuple(extras.resources):
        await _patiently(cell, "closing the resources", partial(_close_resources, extras))
        undone = [task for resource in resources for task in resource.tasks]
        await cell.services.patience.end(undone, f"a write of {cell.path} to its journal")
    for hooks in reversed(extras.wrapping.hooks):
        if hooks.post_stop is not None:
            await _patiently(cell, "post_stop", partial(hooks.post_stop, open_context(cell)))
    await _end_errands(cell, extras)
    if extras.backoff is not None:
        extras.backoff.cancel()
    finish(cell)


async def _patiently(cell: Cell, what: str, step: Callable[[], Awaitable[None]]) -> None:
    """Run one step of a stop; the stop continues whatever the outcome."""
    error = await cell.services.patience.see_through(step, f"{what} of {cell.path}")
    if error is not None:
        failed = described(error)
        logger.error("%s stops, but %s failed: %s", cell.path, what, failed, exc_info=error, extra=about(cell))


async def _end_family(cell: Cell, extras: CellExtras) -> None:
    """End what an incarnation has started: its watches and children first, then its timers and tasks."""
    extras.incarnation += 1
    extras.adapters = None
    extras.exported.clear()
    unwatch_all(cell)
    await stop_children(cell)
    await _end_errands(cell, extras)


async def _end_errands(cell: Cell, extras: CellExtras) -> None:
    if extras.timers is not None:
        await extras.timers.cancel_all()
    tasks, extras.tasks = extras.tasks, {}
    await cell.services.patience.end(tasks, f"what was piped to {cell.path}")


async def _close_resources(extras: CellExtras) -> None:
    while extras.resources:
        # A resource whose closing is cancelled stays in the list, so that the stop can end its tasks.
        await extras.resources[-1].close()
        extras.resources.pop()
