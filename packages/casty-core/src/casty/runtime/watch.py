"""Death watch: who is told when an actor has stopped, and with which message."""

from dataclasses import dataclass
from typing import Any, override

from casty.messages import Terminated
from casty.ref import ActorRef
from casty.runtime.adapters import AdapterRef
from casty.runtime.cell import STOPPED, Cell, LocalRef
from casty.runtime.posting import deliver_revocable
from casty.runtime.revocable import REVOKED, Revocable


class _Default:
    """Stands for `Terminated`, which is only made when the time has come."""


DEFAULT = _Default()


@dataclass(slots=True, eq=False)
class Watch(Revocable):
    """One watch, and its notice where that waits in the watcher's mailbox. It counts until the watcher takes the
    notice, watches the same actor anew, or unwatches it.
    """

    watcher: Cell
    ref: ActorRef[Any]
    message: Any
    reason: BaseException | None = None
    """The failure that stopped the watched actor."""

    def notify(self, reason: BaseException | None) -> None:
        """The actor has stopped. Notices go to the end of the watcher's mailbox, behind what the actor had told it,
        and are never dropped.
        """
        self.reason = reason
        deliver_revocable(self.watcher, self)

    @override
    def take(self) -> Any:
        watching = self.watcher.own_life().watching
        if watching.get(self.ref) is not self:
            return REVOKED
        del watching[self.ref]
        return Terminated(self.ref, self.reason) if self.message is DEFAULT else self.message


def watch(watcher: Cell, ref: ActorRef[Any], message: Any = DEFAULT) -> None:
    """Tell `watcher` when the actor stops; at once if it is not alive (any more). A second watch replaces the first."""
    registered = watcher.own_life().watching[ref] = Watch(watcher, ref, message)
    target = watched_cell(ref)
    if target is not None and target.state != STOPPED:
        target.own_life().watchers[watcher] = registered
        return
    remote = watcher.kernel.remote
    if target is None and remote is not None and remote.watch(watcher, ref, registered):
        watcher.own_life().watches_afar = True
    else:
        registered.notify(None)


def unwatch(watcher: Cell, ref: ActorRef[Any]) -> None:
    watcher.own_life().watching.pop(ref, None)
    target = watched_cell(ref)
    if target is None:
        if watcher.kernel.remote is not None:
            watcher.kernel.remote.unwatch(watcher, ref)
    elif target.life is not None:
        target.life.watchers.pop(watcher, None)


def unwatch_all(watcher: Cell) -> None:
    """The watcher stops, or begins again and has forgotten whom it watched."""
    if watcher.life is not None:
        for ref in watcher.life.watching:
            target = watched_cell(ref)
            if target is not None and target.life is not None:
                target.life.watchers.pop(watcher, None)
        watcher.life.watching.clear()
        if watcher.life.watches_afar and watcher.kernel.remote is not None:
            watcher.kernel.remote.unwatch(watcher)


def notify_watchers(cell: Cell) -> None:
    """The cell has stopped."""
    if cell.life is not None:
        for registered in cell.life.watchers.values():
            registered.notify(cell.life.reason)
        cell.life.watchers.clear()


def watched_cell(ref: ActorRef[Any]) -> Cell | None:
    """The cell behind a reference; an adapter's is its owner's."""
    if isinstance(ref, AdapterRef):
        return ref.owner
    return ref.cell if isinstance(ref, LocalRef) else None
