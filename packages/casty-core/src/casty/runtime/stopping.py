"""Asking an actor to stop, and the last thing that happens to one."""

from asyncio import Task

from casty.behaviors.values import IGNORE
from casty.errors import ActorStoppedError
from casty.events import ActorStopped
from casty.runtime.cell import IDLE, STOPPED, Cell
from casty.runtime.extras import CellExtras
from casty.runtime.logs import about
from casty.runtime.mailbox import CLOSED
from casty.runtime.pending import orphan_asks
from casty.runtime.signals import Stop
from casty.runtime.watch import notify_watchers


def request_stop(cell: Cell) -> None:
    """Stop the actor after its current message, which is cancelled if it takes longer than the system's patience, and
    abandoned if it ignores that.
    """
    if cell.admission is CLOSED:
        return
    if cell.state == IDLE and cell.extras is None:
        finish(cell)
        return
    running = cell.state != IDLE
    cell.signal(Stop())
    extras = cell.own_extras()
    if running and extras.patience is None:
        seconds = cell.services.patience.seconds
        extras.patience = cell.dispatcher.loop.call_later(seconds, _lose_patience, cell, extras, seconds)


def _lose_patience(cell: Cell, extras: CellExtras, waited: float) -> None:
    if cell.task is None or cell.admission is CLOSED:
        return
    extras.overdue = True
    cell.services.patience.cancel(cell.task, cell.path, waited, about(cell))
    seconds = cell.services.patience.seconds
    extras.patience = cell.dispatcher.loop.call_later(seconds, _abandon, cell, extras, cell.task, seconds)


def _abandon(cell: Cell, extras: CellExtras, task: "Task[None]", waited: float) -> None:
    if cell.task is task and cell.admission is not CLOSED:
        cell.services.patience.abandon(task, f"the handler of {cell.path}", waited, about(cell))
        extras.overdue = False
        cell.dispatcher.abandon(cell)


def leave_family(cell: Cell) -> None:
    """A stopped cell frees its name and tells a parent that waits for the last of its children."""
    parent = cell.parent
    if parent is not None and parent.extras is not None:
        parent.extras.children.pop(cell.name, None)
        if parent.extras.keeper is not None:
            parent.extras.keeper.left(cell)
        waiting = parent.extras.childless
        if waiting is not None and not waiting.done() and not parent.extras.children:
            waiting.set_result(None)


def _unanswered(cell: Cell) -> ActorStoppedError:
    error = ActorStoppedError(f"{cell.path} stopped without answering")
    error.__cause__ = None if cell.extras is None else cell.extras.reason
    return error


def finish(cell: Cell) -> None:
    """The end: free the name, tell the watchers, let go of everything."""
    cell.state = STOPPED
    cell.admission = CLOSED
    cell.handler = cell.context = cell.queue = cell.batch = cell.variables = None
    cell.initial = IGNORE
    leave_family(cell)
    stream = cell.services.event_stream
    if stream.wants(ActorStopped):
        stream.publish(ActorStopped(cell.ref))
    notify_watchers(cell)
    orphan_asks(cell, cell.dispatcher.loop, lambda: _unanswered(cell))
    if cell.extras is not None:
        cell.extras.signals.clear()
