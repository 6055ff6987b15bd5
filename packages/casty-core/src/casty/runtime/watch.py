"""Death watch: a watcher gets a message when the watched actor has stopped."""

from typing import Any

from casty.ref import ActorRef
from casty.runtime.adapters import AdapterRef
from casty.runtime.cell import STOPPED, Cell, LocalRef
from casty.runtime.extras import DEFAULT, Watch
from casty.runtime.routed import RoutedRef


def watch(watcher: Cell, ref: ActorRef[Any], message: Any = DEFAULT) -> None:
    """Tell `watcher` when the actor stops; at once if it is not alive (any more). A second watch replaces the first."""
    watching = watcher.own_extras().watching
    replaced, registered = watching.get(ref), Watch(watcher, ref, message)
    watching[ref] = registered
    target = watched_cell(ref)
    if target is not None and target.state != STOPPED:
        watchers = target.own_extras().watchers
        if replaced is not None:
            watchers.pop(replaced, None)
        watchers[registered] = None
        return
    remote = watcher.services.remote
    if target is None and remote is not None and remote.watch(watcher.ref, ref, registered.notify):
        watcher.own_extras().watches_afar = True
    else:
        registered.notify(None)


def unwatch(watcher: Cell, ref: ActorRef[Any]) -> None:
    ended = watcher.own_extras().watching.pop(ref, None)
    target = watched_cell(ref)
    if target is None:
        if watcher.services.remote is not None:
            watcher.services.remote.unwatch(watcher.ref, ref)
    elif target.extras is not None and ended is not None:
        target.extras.watchers.pop(ended, None)


def unwatch_all(watcher: Cell) -> None:
    """End all watches of an actor that stops or restarts."""
    if watcher.extras is not None:
        for ref, ended in watcher.extras.watching.items():
            target = watched_cell(ref)
            if target is not None and target.extras is not None:
                target.extras.watchers.pop(ended, None)
        watcher.extras.watching.clear()
        if watcher.extras.watches_afar and watcher.services.remote is not None:
            watcher.services.remote.unwatch(watcher.ref)


def notify_watchers(cell: Cell) -> None:
    """Send the notices for an actor that has stopped."""
    if cell.extras is not None:
        for registered in cell.extras.watchers:
            registered.notify(cell.extras.reason)
        cell.extras.watchers.clear()


def watched_cell(ref: ActorRef[Any]) -> Cell | None:
    """The cell behind a reference of this process: the owner of an adapter, the region of an entity."""
    if isinstance(ref, AdapterRef):
        return ref.owner
    if isinstance(ref, RoutedRef):
        return ref.home.cell
    return ref.cell if isinstance(ref, LocalRef) else None
