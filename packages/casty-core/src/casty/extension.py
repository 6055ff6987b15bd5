"""The extension API of the runtime: all that another distribution may use of how actors run.

An extension, such as a cluster, joins a running system through its kernel, `system.kernel`: it gives addresses of other
places a meaning (`Remote`), makes references of its own (`AskedRef`), takes in messages and asks that come from
elsewhere, and stops or restarts actors of this process. Everything here is for the event loop's own thread. What is not
named here is the runtime's own business and may change with any version; `tests/architecture` holds the border.
"""

from collections.abc import Iterator
from typing import Any

from casty.behaviors.system import System
from casty.output_commit import OPEN, current
from casty.runtime.ask import ASKS as ASKS
from casty.runtime.ask import Asks as Asks
from casty.runtime.ask import Vouch as Vouch
from casty.runtime.borders import checked_config as checked_config
from casty.runtime.cell import STOPPED as STOPPED
from casty.runtime.cell import Cell as Cell
from casty.runtime.cell import LocalRef as LocalRef
from casty.runtime.dead_letters import DeadLetters as DeadLetters
from casty.runtime.dead_letters import Internal as Internal
from casty.runtime.dead_letters import Throttle as Throttle
from casty.runtime.kernel import Kernel as Kernel
from casty.runtime.outages import refuse_if_asked as refuse_if_asked
from casty.runtime.remote import AskedRef as AskedRef
from casty.runtime.remote import Remote as Remote
from casty.runtime.revocable import Revocable as Revocable
from casty.runtime.signals import Restart as Restart
from casty.runtime.stopping import request_stop as request_stop
from casty.runtime.system import ActorSystem
from casty.runtime.threads import check_thread as check_thread
from casty.runtime.watch import Watch as Watch
from casty.runtime.watch import unwatch as unwatch
from casty.runtime.watch import watch as watch
from casty.runtime.watch import watched_cell as watched_cell


def kernel_of(system: System) -> Kernel:
    """The inside of the system that an actor runs in: `kernel_of(ctx.system)`. Raises `SystemStoppedError` where it has
    stopped.
    """
    assert isinstance(system, ActorSystem), "a handler's system is one that runs"
    return system.kernel


def top_level_actors(kernel: Kernel) -> Iterator[LocalRef[Any]]:
    """The living actors at the top of the tree: the users' first, then those whose names begin with `_`."""
    for root in (kernel.root, kernel.internal):
        for cell in tuple(root.own_life().children.values()):
            yield cell.ref


def has_stopped(ref: LocalRef[Any]) -> bool:
    """Whether the actor has stopped for good, so that every message to it becomes a dead letter."""
    return ref.cell.state == STOPPED


def stop(ref: LocalRef[Any]) -> None:
    """Stop an actor after its current message, within the system's `stop_timeout`. A second call changes nothing."""
    request_stop(ref.cell)


def restart(ref: LocalRef[Any], cause: BaseException) -> None:
    """Restart an actor after its current message as if it had failed with `cause`; supervision is not asked."""
    ref.cell.signal(Restart(cause))


def take_unread(ref: LocalRef[Any]) -> list[Any]:
    """Empty the stash and the mailbox of an actor that is about to stop, oldest message first.

    For an actor whose messages another one will handle. Notices of its timers, watches and pipes end with it.
    """
    cell = ref.cell
    if cell.queue is None:  # an idle cell has nothing to do
        return []
    unread = [entry for entry in cell.take_waiting() if not isinstance(entry, Revocable)]
    stash = [] if cell.life is None else cell.life.stash
    unread[:0] = stash
    stash.clear()
    return unread


def deliver_ask(ref: LocalRef[Any], message: Any) -> None:
    """Deliver a message whose reply another node awaits: at once where the actor is idle, else through its mailbox.

    During an outage of the actor's journal the ask fails instead, as one of this process would.
    """
    cell = ref.cell
    if cell.replies_at_once() and (not OPEN or current() is None):
        cell.dispatcher.run_with(cell, message)
    elif not refuse_if_asked(cell, message):
        cell.kernel.dead_letters.tell(ref, message)
