"""Death watch: who is told when an actor has stopped, and with which message."""

from typing import Any

from casty.messages import Terminated
from casty.ref import ActorRef
from casty.runtime.cell import STOPPED, Cell, LocalRef


class _Default:
    """Stands for `Terminated`, which is only made when the time has come."""


DEFAULT = _Default()


def watch(watcher: Cell, ref: ActorRef[Any], message: Any = DEFAULT) -> None:
    """Tell `watcher` when the actor stops; at once if it is not alive (any more). A second watch replaces the first."""
    target = watched_cell(ref)
    if target is None or target.state == STOPPED:
        final = Terminated(ref) if message is DEFAULT else message
        remote = watcher.kernel.remote
        if remote is not None and remote.watch(watcher, ref, final):
            watcher.own_life().watches_afar = True
        else:
            watcher.deliver(final)
        return
    target.own_life().watchers[watcher] = message
    watcher.own_life().watching.add(target)


def unwatch(watcher: Cell, ref: ActorRef[Any]) -> None:
    target = watched_cell(ref)
    if target is not None and target.life is not None:
        target.life.watchers.pop(watcher, None)
        watcher.own_life().watching.discard(target)
    elif watcher.kernel.remote is not None:
        watcher.kernel.remote.unwatch(watcher, ref)


def unwatch_all(watcher: Cell) -> None:
    """The watcher stops, or begins again and has forgotten whom it watched."""
    if watcher.life is not None:
        for target in watcher.life.watching:
            if target.life is not None:
                target.life.watchers.pop(watcher, None)
        watcher.life.watching.clear()
        if watcher.life.watches_afar and watcher.kernel.remote is not None:
            watcher.kernel.remote.unwatch(watcher)


def notify_watchers(cell: Cell) -> None:
    """The cell has stopped. Notices go to the end of the watchers' mailboxes, behind what the actor had told them,
    and are never dropped.
    """
    if cell.life is None:
        return
    for watcher, message in cell.life.watchers.items():
        watcher.own_life().watching.discard(cell)
        watcher.deliver(Terminated(cell.ref, cell.life.reason) if message is DEFAULT else message)
    cell.life.watchers.clear()


def watched_cell(ref: ActorRef[Any]) -> Cell | None:
    """The cell behind a reference; an adapter's is its owner's."""
    return ref.cell if isinstance(ref, LocalRef) else None
