"""The actor system: the face that users see."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast, overload, override

from casty import entropy
from casty.actor_tree import SystemSnapshot
from casty.address import ActorAddress
from casty.behaviors.clustered import RegionRef, ShardedBehavior, ShardEnvelope
from casty.behaviors.discovery import ReceptionistMessage
from casty.behaviors.routing import RouterBehavior, RouterRef
from casty.behaviors.values import Behavior
from casty.clock import Clock, SystemClock
from casty.config import CastyConfig
from casty.errors import ActorFailedError, ActorStoppedError, ArgumentError, SystemStoppedError
from casty.event_stream import EventStream
from casty.mailbox import Mailbox
from casty.objects.system import ClassActorSystem
from casty.output_commit import OPEN, current
from casty.plugins import PluginRegistry
from casty.plugins.serializers import make_serializer
from casty.quantities import checked_seconds
from casty.ref import ActorRef, BroadcastRef, checked_ref
from casty.regions import RegionState
from casty.replication import ReplicationConfig
from casty.request import NO_RECEIVER
from casty.runtime.ask import ASKS
from casty.runtime.borders import (
    checked_address,
    checked_clock,
    checked_config,
    checked_path,
    checked_plugins,
    checked_system_name,
)
from casty.runtime.children import spawn_cell
from casty.runtime.ending import end_actors, end_services
from casty.runtime.gone import GoneRef
from casty.runtime.instruments import Instruments
from casty.runtime.journals import Journals
from casty.runtime.kernel import Kernel
from casty.runtime.sharding import Region, find_entity, region_state
from casty.runtime.snapshot import LIMIT, take_snapshot
from casty.runtime.timers import KeyedTimers
from casty.runtime.watchdog import Watchdog
from casty.spi.event_journal import EventJournal
from casty.spi.serializer import Serializer

if TYPE_CHECKING:
    from casty.coordination import Distributed


class ActorSystem(ClassActorSystem):
    """A tree of actors on one event loop. Use it with `async with`: it runs from `__aenter__` to `__aexit__`.

    `name` wins over the configuration's `[system] name`; without either it is "casty". `plugins` are modules or
    objects with hooks, beside those that are installed. Timers, the timeouts of asks and back-off go by `clock`, which
    is the event loop's where none is given. Everything here is for the event loop's own thread, except
    `tell_threadsafe` and `ask_threadsafe`.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        config: CastyConfig | None = None,
        plugins: Sequence[object] = (),
        clock: Clock | None = None,
    ) -> None:
        self.config = checked_config(config)
        self.name = self.config.system.name if name is None else checked_system_name(name)
        self.event_stream = EventStream()
        self.plugins = PluginRegistry.discover(disabled=self.config.plugins.disabled, extra=checked_plugins(plugins))
        self._clock = checked_clock(clock)
        self._kernel: Kernel | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._serializer: Serializer | None = None
        self._instruments: Instruments | None = None
        self._watchdog: Watchdog | None = None

    @property
    def kernel(self) -> Kernel:
        """The running inside, for extensions of the runtime. Raises `SystemStoppedError` outside of `async with`."""
        if self._kernel is None:
            raise SystemStoppedError(
                f"the actor system {self.name!r} is not running; use it inside 'async with ActorSystem() as system:'"
            )
        return self._kernel

    @property
    @override
    def clock(self) -> SystemClock:
        """The time by which this system goes: `now()` and `time()`. Actors have both in their context."""
        return self.kernel.system_clock

    @property
    @override
    def serializer(self) -> Serializer:
        """The default serializer, whose references are live ones of this system."""
        if self._serializer is None:
            self._serializer = make_serializer(self.plugins, self.config.serialization, self.resolve)
        return self._serializer

    @property
    @override
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        """Takes `Register`, `Deregister`, `Find` and `Subscribe`."""
        return self.kernel.receptionist

    async def __aenter__(self) -> Self:
        if self._kernel is not None:
            raise SystemStoppedError(f"the actor system {self.name!r} is running already")
        journals, instruments = self._resolve_plugins()
        self._kernel = Kernel(
            self,
            journals,
            loop=asyncio.get_running_loop(),
            clock=self._clock,
            config=self.config,
            plugins=self.plugins,
        )
        self._instruments = instruments
        instruments.attach(self.event_stream)
        threshold = self.config.system.slow_handler_seconds
        if threshold and entropy.is_real():
            self._watchdog = Watchdog(self._kernel, threshold)
            self._watchdog.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    @overload
    def spawn[M](
        self, behavior: ShardedBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RegionRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: RouterBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RouterRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]: ...
    @override
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]:
        """Start an actor at the top of the tree; without a name it gets one. For `Behaviors.sharded` it returns a
        `RegionRef`, and for a pool or a group a `RouterRef`; `mailbox` is that of each entity, or of each child of the
        pool.

        Raises `ActorNameError` for an illegal name or one that is taken, `BehaviorError` for what is no behavior, and
        `ScopeError` for a behavior that needs a cluster. An exception of the behavior itself goes to supervision.
        """
        kernel = self._kernel or self.kernel
        if isinstance(behavior, ShardedBehavior):
            sharded = cast("ShardedBehavior[Any]", behavior)
            return cast("ActorRef[M]", Region(kernel, sharded, name, mailbox).ref)
        root = kernel.internal if name is not None and str(name).startswith("_") else kernel.root
        return spawn_cell(root, behavior, name, mailbox).ref

    @overload
    def ask[M, R](
        self, ref: BroadcastRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, tuple[R, ...]]: ...
    @overload
    def ask[M, R](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, R]: ...
    @override
    def ask[M](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[Any]], M], timeout: float = 5.0
    ) -> Coroutine[Any, Any, Any]:
        """Tell `ref` the message that `msg_factory(reply_to)` makes, and wait for the reply to `reply_to`.

        Raises `TimeoutError` after `timeout` seconds; at once `ActorStoppedError` if the target is gone, and
        `ActorFailedError` if its handler raised. An ask of a `BroadcastRef` returns a tuple, or raises
        `PartialAnswerError`.
        """
        return (self._kernel or self.kernel).asks.ask(ref, msg_factory, timeout)

    @override
    async def ask_or_none[M, R](
        self, ref: ActorRef[M], msg_factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> R | None:
        """Like `ask`, with None where no reply comes."""
        try:
            return await self.ask(ref, msg_factory, timeout)
        except (TimeoutError, ActorStoppedError, ActorFailedError):
            return None

    @override
    def tell_threadsafe[M](self, ref: ActorRef[M], message: M) -> None:
        """`ref.tell(message)`, from any thread. What the actor cannot take becomes a dead letter.

        Raises `SystemStoppedError` if the system is not running.
        """
        (self._kernel or self.kernel).threads.tell(checked_ref(ref, "tell_threadsafe"), message)

    @override
    def ask_threadsafe[M, R](
        self, ref: ActorRef[M], factory: Callable[[ActorRef[R]], M], timeout: float = 5.0
    ) -> "concurrent.futures.Future[R]":
        """`ask`, from any thread but the event loop's own, which would wait for itself: `.result()` is the reply.

        The future fails as `ask` does, and with `SystemStoppedError` if the system stops or is not running. Cancelling
        it cancels the ask.
        """
        kernel = self._kernel
        if kernel is not None:
            return kernel.threads.ask(ref, factory, timeout)
        outcome: concurrent.futures.Future[R] = concurrent.futures.Future()
        outcome.set_exception(SystemStoppedError(f"the actor system {self.name!r} is not running"))
        return outcome

    @override
    def lookup(self, path: str) -> ActorRef[Any] | None:
        """The living actor at an absolute path such as `/orders/item-1`, by the very reference that `spawn` gave."""
        return self.kernel.find(checked_path(path))

    @override
    def resolve(self, address: ActorAddress) -> ActorRef[Any]:
        """A reference for an address that has travelled. Messages to an actor that is not alive become dead letters."""
        kernel = self.kernel
        if kernel.is_here(checked_address(address)):
            if address.path == ASKS:
                return kernel.asks.promise(address.uid) or GoneRef(kernel, address)
            if (ref := kernel.find(address.path, address.uid)) is not None:
                return ref
            if (found := kernel.find_adapter(address) or find_entity(kernel, address)) is not None:
                return found
        elif address == NO_RECEIVER.address:
            return NO_RECEIVER
        elif kernel.remote is not None and (ref := kernel.remote.ref(address)) is not None:
            return ref
        return GoneRef(kernel, address)

    @override
    def entity_ref[M](self, region: ActorRef[ShardEnvelope[M]], entity_id: str) -> ActorRef[M]:
        """`region.entity(entity_id)`, for a region whose type the type checker has lost."""
        if not isinstance(region, RegionRef):
            raise ArgumentError(
                f"entity_ref takes the reference that spawn(Behaviors.sharded(...)) returns, not {region!r}"
            )
        return cast("RegionRef[M]", region).entity(entity_id)

    @override
    def class_region(self, copies: ReplicationConfig | None = None) -> RegionRef[Any]:
        return self.kernel.class_regions.find(copies)

    @override
    async def _check_class_journal(self) -> None:
        await self.kernel.class_regions.check_journal()

    def distributed(
        self, journal: EventJournal | str | None = None, replication: ReplicationConfig | None = None
    ) -> "Distributed":
        """Counters, maps, sets, queues, locks and more, shared by all nodes of this system: see `Distributed`.

        With a journal they outlive the process; all calls for one system are given the same one.
        """
        return self.kernel.distributed(journal, replication, self._party)

    async def barrier(self, name: str, n: int, timeout: float = 60.0) -> int:
        """Wait until `n` parties have called this with that name: see `DistributedBarrier.arrive`."""
        return await self.distributed().barrier(name, timeout=timeout).arrive(n)

    @property
    def _party(self) -> str | None:
        """The name of this process at barriers; None where each caller is one."""
        return None

    async def shard_state(self, region: RegionRef[Any] | str, timeout: float = 5.0) -> RegionState:
        """The shards of a region, given by its reference or its name, and how many entities of each are active. On a
        local system it never waits. Raises `ArgumentError` if there is no such region.
        """
        checked_seconds(timeout, "timeout of shard_state")
        return region_state(self.kernel, region)

    @override
    def snapshot(self, limit: int = LIMIT) -> SystemSnapshot:
        """What the living actors of this process do at this moment, as a tree of at most `limit` of them.

        Those that are busy, suspended or paused come first, with the actors above them. `str()` of it is for people.
        It holds the event loop for some milliseconds per hundred actors, however many there are.
        """
        return take_snapshot(self.kernel, limit)

    @override
    def tick[M](self, key: str, target: ActorRef[M], message: M, interval: float) -> None:
        """Tell `target` the message every `interval` seconds until the key is cancelled or the actor has stopped.

        A key that is in use is replaced, whether by `tick` or by `schedule`.
        """
        checked_ref(target, "ActorSystem.tick")
        checked_seconds(interval, "interval of ActorSystem.tick", zero=False)
        self._schedule(lambda timers: timers.repeat(key, target, message, interval))

    @override
    def schedule[M](self, key: str, target: ActorRef[M], message: M, delay: float) -> None:
        """Tell `target` the message once, in `delay` seconds."""
        checked_ref(target, "ActorSystem.schedule")
        checked_seconds(delay, "delay of ActorSystem.schedule")
        self._schedule(lambda timers: timers.once(key, target, message, delay))

    @override
    def cancel_schedule(self, key: str) -> None:
        """Nothing happens if the key is not in use. A message that waits in the actor's mailbox already is revoked."""
        self.kernel.timers.cancel(key)

    def _schedule(self, start: Callable[[KeyedTimers], None]) -> None:
        self.kernel.check_thread()
        timers = self.kernel.timers
        output = current() if OPEN else None
        if output is None:
            start(timers)
        else:
            output.hold(start, timers)

    @override
    async def shutdown(self) -> None:
        """Stop everything: user actors before internal ones, children before parents, journals last.

        What waits in mailboxes becomes dead letters. A second call waits for the first one. Do not await it inside an
        actor.

        It ends whatever handlers, hooks, piped work and plugins do: a step that outlasts `stop_timeout` is cancelled,
        and one that ignores its cancellation for as long again is abandoned. Both are logged with the actor's path. A
        shutdown continues if the task that awaits it is cancelled.
        """
        if self._kernel is not None and self._stopping is None:
            # A task's own constructor: an eager task factory would end it before it is stored.
            loop = asyncio.get_running_loop()  # without one, the constructor would make a loop that is never closed
            self._stopping = asyncio.Task(self._shut_down(), loop=loop, name="casty-shutdown")
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    async def _shut_down(self) -> None:
        try:
            await end_actors(self.kernel)
        finally:  # also where the program ends and cancels this task
            try:
                await self._depart()
            finally:
                await self._finish()

    async def _depart(self) -> None:
        """For systems that have something to do between the end of the users' actors and that of their own."""

    async def _finish(self) -> None:
        try:
            await end_services(self.kernel, self.event_stream)
        finally:
            if self._watchdog is not None:
                self._watchdog.stop()
                self._watchdog = None
            self._kernel = self._stopping = None
            if self._instruments is not None:
                self._instruments.detach()
                self._instruments = None

    def _resolve_plugins(self) -> tuple[Journals, Instruments]:
        """Find all that the configuration names before anything runs, so that a misspelt name fails at the start and
        not with the first message. Connections are made when they are needed.
        """
        journals = Journals(self.config, self.plugins, self.resolve)
        journals.resolve()
        _ = self.serializer
        return journals, Instruments(self.plugins, self.config.instruments, self.name)
