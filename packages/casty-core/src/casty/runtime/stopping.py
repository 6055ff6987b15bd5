"""Asking an actor to stop, and the last thing that happens to one."""

import logging
from asyncio import Task

from casty.behaviors.values import IGNORE
from casty.events import ActorStopped
from casty.runtime.cell import IDLE, STOPPED, Cell
from casty.runtime.life import Life
from casty.runtime.logs import about
from casty.runtime.mailbox import CLOSED
from casty.runtime.patience import abandon, whereabouts
from casty.runtime.pending import orphan_asks
from casty.runtime.signals import Stop
from casty.runtime.watch import notify_watchers

logger = logging.getLogger("casty")


def request_stop(cell: Cell) -> None:
    """Stop the actor after its current message, which is cancelled if it takes longer than the system's patience, and
    abandoned if it ignores that.
    """
    if cell.admission is CLOSED:
        return
    if cell.state == IDLE and cell.life is None:
        finish(cell)
        return
    running = cell.state != IDLE
    cell.signal(Stop())
    life = cell.own_life()
    if running and life.patience is None:
        seconds = cell.kernel.patience.seconds
        life.patience = cell.dispatcher.loop.call_later(seconds, _lose_patience, cell, life, seconds)


def _lose_patience(cell: Cell, life: Life, waited: float) -> None:
    if cell.task is None or cell.admission is CLOSED:
        return
    logger.error(
        "%s was told to stop %.3g s ago and still handles a message: it is cancelled, at %s",
        cell.path,
        waited,
        whereabouts(cell.task),
        extra=about(cell),
    )
    life.overdue = True
    cell.task.cancel()
    seconds = cell.kernel.patience.seconds
    life.patience = cell.dispatcher.loop.call_later(seconds, _abandon, cell, life, cell.task, seconds)


def _abandon(cell: Cell, life: Life, task: "Task[None]", waited: float) -> None:
    if cell.task is task and cell.admission is not CLOSED:
        abandon(task, f"the handler of {cell.path}", waited)
        life.overdue = False
        cell.dispatcher.abandon(cell)


def leave_family(cell: Cell) -> None:
    """A stopped cell frees its name and tells a parent that waits for the last of its children."""
    parent = cell.parent
    if parent is not None and parent.life is not None:
        parent.life.children.pop(cell.name, None)
        waiting = parent.life.childless
        if waiting is not None and not waiting.done() and not parent.life.children:
            waiting.set_result(None)


def finish(cell: Cell) -> None:
    """The end: free the name, tell the watchers, let go of everything."""
    cell.state = STOPPED
    cell.admission = CLOSED
    cell.handler = cell.context = cell.queue = cell.batch = cell.variables = None
    cell.initial = IGNORE
    leave_family(cell)
    stream = cell.kernel.event_stream
    if stream.wants(ActorStopped):
        stream.publish(ActorStopped(cell.ref))
    notify_watchers(cell)
    orphan_asks(cell)
    if cell.life is not None:
        cell.life.signals.clear()
