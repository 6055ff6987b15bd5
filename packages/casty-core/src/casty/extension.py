"""The extension API of the runtime: all that another distribution may use of how actors run.

An extension, such as a cluster, joins a running system through its kernel, `system.kernel`: it gives addresses of other
places a meaning (`Remote`), makes references of its own (`AskedRef`, `RoutedRef`), takes in messages and asks that come
from elsewhere, runs shards of entities, and stops or restarts actors of this process. Everything here is for the event
loop's own thread. What is not named here is the runtime's own business and may change with any version;
`tests/architecture` holds the border. Tools that read a journal's records outside of any system do so with
`Serializers`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from casty.address import ActorAddress
from casty.behaviors.behavior import Behavior
from casty.behaviors.system import System
from casty.clock import Clock
from casty.config import ActorSettingsResolver, CastyConfig
from casty.event_stream import EventStream
from casty.persistence.entity_log import Claim as Claim
from casty.persistence.entity_log import EntityLog as EntityLog
from casty.persistence.entity_log import LogFactory as LogFactory
from casty.persistence.entity_log import LogRequest as LogRequest
from casty.persistence.entity_log import Save as Save
from casty.persistence.entity_log import Settle as Settle
from casty.persistence.entity_log import WrappedLog as WrappedLog
from casty.persistence.journal import deletion_in as deletion_in
from casty.persistence.serializers import Serializers as Serializers
from casty.persistence.serializers import configured_serializers as configured_serializers
from casty.plugins import PluginRegistry
from casty.ref import ActorRef
from casty.runtime import watch as watching
from casty.runtime.ask import ASKS as ASKS
from casty.runtime.ask import Asks as Asks
from casty.runtime.asked import AskedRef as AskedRef
from casty.runtime.asked import AskingElsewhere as AskingElsewhere
from casty.runtime.borders import checked_config as checked_config
from casty.runtime.cell import STOPPED
from casty.runtime.cell import LocalRef as LocalRef
from casty.runtime.dead_letters import DeadLetters as DeadLetters
from casty.runtime.dead_letters import Internal as Internal
from casty.runtime.dead_letters import Throttle as Throttle
from casty.runtime.mailbox import Bounded
from casty.runtime.patience import Patience
from casty.runtime.pending import RemoteAskGuard as RemoteAskGuard
from casty.runtime.remote import Remote as Remote
from casty.runtime.revocable import Revocable
from casty.runtime.routed import Outgoing as Outgoing
from casty.runtime.routed import RoutedRef as RoutedRef
from casty.runtime.sharding import Entities as Entities
from casty.runtime.sharding import EntityCounts as EntityCounts
from casty.runtime.sharding import Shards as Shards
from casty.runtime.sharding import addressed as addressed
from casty.runtime.sharding import entity_path as entity_path
from casty.runtime.sharding import place_of as place_of
from casty.runtime.sharding import region_name as region_name
from casty.runtime.sharding import shard_of as shard_of
from casty.runtime.signals import Restart
from casty.runtime.stopping import request_stop
from casty.runtime.wrapping import unwrap
from casty.spi.event_journal import EventJournal
from casty.spi.journal import JournalKind
from casty.spi.serializer import Serializer


class Journals(Protocol):
    """The journals of the event-sourced actors of a system."""

    log_of: LogFactory
    """Makes the log of an actor at each of its starts."""

    def wrap(self, wrapping: Callable[[LogFactory], LogFactory]) -> None:
        """Put a factory around the one that there is, for all actors that start from now on."""
        ...

    async def open(
        self, journal: EventJournal | str | None, serializer: Serializer
    ) -> tuple[EventJournal, Serializers]:
        """The journal itself, open for as long as the system runs, for events that `serializer` writes; and what
        encodes those of its entities.
        """
        ...

    def kind_of(self, journal: EventJournal | str | None) -> JournalKind | None:
        """Which nodes can read what that journal has; None for one that does not say."""
        ...


class Kernel(Protocol):
    """The inside of a running actor system, `system.kernel`: what an extension may use of it.

    Its type at run time has more; the rest is the runtime's own.
    """

    remote: Remote | None
    """The other nodes. An extension that knows any sets it when it starts, and sets None when it ends."""

    @property
    def system(self) -> System: ...

    @property
    def clock(self) -> Clock:
        """Monotonic seconds, by which everything in the system goes; a test may own it."""
        ...

    @property
    def config(self) -> CastyConfig: ...

    @property
    def settings(self) -> ActorSettingsResolver:
        """The configured settings of an actor, by its name."""
        ...

    @property
    def plugins(self) -> PluginRegistry: ...

    @property
    def event_stream(self) -> EventStream: ...

    @property
    def dead_letters(self) -> DeadLetters:
        """Reports undeliverable messages, and tells on behalf of no caller."""
        ...

    @property
    def asks(self) -> Asks:
        """The pending asks of this process, and those that other processes make of its actors."""
        ...

    @property
    def journals(self) -> Journals: ...

    @property
    def patience(self) -> Patience:
        """Carries out a step of a stop that may hang, within `stop_timeout`."""
        ...

    def address(self, path: str, uid: int) -> ActorAddress:
        """The address of an actor of this process, as other nodes know it."""
        ...

    def find(self, path: str, uid: int = 0) -> LocalRef[Any] | None:
        """The living actor at an absolute path, with that uid unless it is 0."""
        ...

    def find_adapter(self, address: ActorAddress) -> ActorRef[Any] | None:
        """The message adapter that this process has given that address, while it works."""
        ...

    def top_level_actors(self) -> Iterator[LocalRef[Any]]:
        """The living actors at the top of the tree: the users' first, then those whose names begin with `_`."""
        ...

    def check_thread(self) -> None:
        """Raises RuntimeError in another thread than that of the event loop."""
        ...


def actor_behind(ref: ActorRef[Any]) -> LocalRef[Any] | None:
    """The actor of this process that a reference leads to: itself, or the owner of a message adapter."""
    cell = watching.watched_cell(ref)
    return None if cell is None else cell.ref


def watch(watcher: LocalRef[Any], ref: ActorRef[Any]) -> None:
    """Tell `watcher` a `Terminated` when the actor stops; at once if it is not alive. See `ctx.watch`."""
    watching.watch(watcher.cell, ref)


def unwatch(watcher: LocalRef[Any], ref: ActorRef[Any]) -> None:
    """End a watch, and revoke its notice where that waits in the watcher's mailbox already."""
    watching.unwatch(watcher.cell, ref)


def destination(ref: ActorRef[Any], message: Any) -> tuple[ActorRef[Any], Any]:
    """The actor that takes the message, which for a router is one of its routees, and the message as that one gets it.

    Raises `ActorStoppedError` where none takes messages any more, and `BehaviorError` for a message that names none.
    """
    place = ref.route(message) if isinstance(ref, RoutedRef) else None
    return (ref, message) if place is None else place


def has_stopped(ref: LocalRef[Any]) -> bool:
    """Whether the actor has stopped for good, so that every message to it becomes a dead letter."""
    return ref.cell.state == STOPPED


def stop(ref: LocalRef[Any]) -> None:
    """Stop an actor after its current message, within the system's `stop_timeout`. A second call changes nothing."""
    request_stop(ref.cell)


def restart(ref: LocalRef[Any], cause: BaseException) -> None:
    """Restart an actor after its current message as if it had failed with `cause`; supervision is not asked."""
    ref.cell.signal(Restart(cause))


def unbound_mailbox(ref: ActorRef[Any]) -> None:
    """Have an actor take every message, for one whose senders are bounded by a protocol of its own."""
    if isinstance(ref, LocalRef) and isinstance(ref.cell.admission, Bounded):
        ref.cell.admission = None


def take_unread(ref: LocalRef[Any]) -> list[Any]:
    """Empty the stash and the mailbox of an actor that is about to stop, oldest message first.

    For an actor whose messages another one will handle. Notices of its timers, watches and pipes end with it.
    """
    cell = ref.cell
    if cell.queue is None:  # an idle cell has nothing to do
        return []
    unread = [entry for entry in cell.take_waiting() if not isinstance(entry, Revocable)]
    stash = [] if cell.extras is None else cell.extras.stash
    unread[:0] = stash
    stash.clear()
    return unread


def unwrapped(behavior: Behavior[Any]) -> Behavior[Any]:
    """The behavior within its wrappers, such as those for supervision and hooks."""
    return unwrap(behavior)[1]
