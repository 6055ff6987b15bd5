"""A singleton's part on one node: an actor around `protocol.singleton` that starts, stops and reaches it.

Every node has one under the singleton's name. What it is told goes to the singleton, by `protocol.forwarding`: to its
child, where that runs here, else to the manager of the host.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, Terminated
from casty.address import ActorAddress
from casty.behaviors.clustered import SingletonBehavior
from casty.errors import EncodeError
from casty.extension import Internal, LocalRef, Revocable, kernel_of
from casty.interruption import raise_unless_failure
from casty.member import NodeId

from casty_cluster.node.enduring import enduring
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.node.view import ClusterState, Views
from casty_cluster.protocol import forwarding
from casty_cluster.protocol.forwarding import HERE, AskToFlush, Deliver, Drop, Forwarding, PassOn
from casty_cluster.protocol.singleton import Effect, Phase, Say, Singleton, Start, Stop
from casty_cluster.remoting.refs import RemoteRef
from casty_cluster.wire.forwarding import Flush, Flushed, Forwarded, Returned
from casty_cluster.wire.system import HandedOver, HandOver

logger = logging.getLogger("casty.cluster")

PAUSE: Final = 1.0
"""Seconds before a singleton that has failed is started again."""
INSTANCE: Final = "instance"


@dataclass(frozen=True, slots=True)
class Saw(Internal):
    """The cluster has changed; None: this node is no member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class Heard(Internal):
    """The manager of another node speaks about handing over."""

    node: NodeId
    message: HandOver | HandedOver


@dataclass(frozen=True, slots=True)
class Again(Internal):
    """The pause after a failure is over."""


@dataclass(frozen=True, slots=True)
class Tick(Internal):
    """The deadline of the forwarding has come."""


@dataclass(frozen=True, slots=True)
class Drain(Internal):
    """This node retires, and its singletons have been handed over."""


class Managers:
    """The singletons that this node takes part in, by name: who is asked to hand over."""

    def __init__(self, links: SystemLinks, views: Views, resolve: Callable[[ActorAddress], ActorRef[Any]]) -> None:
        self.links = links
        self.views = views
        self.resolve = resolve
        self._by_name: dict[str, Manager] = {}
        self._ended = asyncio.Event()
        links.on(HandOver, self._heard)
        links.on(HandedOver, self._heard)

    def behavior[M](self, name: str, singleton: SingletonBehavior[M]) -> Behavior[M]:
        """The actor to spawn under that name."""

        async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
            manager = self._by_name[name] = Manager(self, ctx, name, singleton)
            self.views.observe(manager.see)

            async def forget(_: ActorContext[Any]) -> None:
                self.views.ignore(manager.see)
                if self._by_name.get(name) is manager:
                    del self._by_name[name]
                manager.end()

            return Behaviors.with_lifecycle(Behaviors.receive(manager.receive), post_stop=forget)

        return enduring(Behaviors.setup(setup))

    async def handed_over(self, patience: float) -> None:
        """Until no singleton runs here while there is a member that stays, and nothing is on its way to one through
        this node any more; or for so many seconds.
        """
        try:
            async with asyncio.timeout(patience):
                await self._until(lambda manager: not manager.runs)
                for manager in self._by_name.values():
                    manager.drain()
                await self._until(lambda manager: manager.is_drained)
        except TimeoutError:
            logger.warning(
                "singletons of this node, or messages for them, were not handed over within %s s, and are given up",
                patience,
            )

    async def _until(self, holds: "Callable[[Manager], bool]") -> None:
        """Until it holds for every manager, or there is no member left that stays."""
        while self._has_heirs() and not all(map(holds, self._by_name.values())):
            self._ended.clear()
            await self._ended.wait()

    def ended(self) -> None:
        """A singleton has stopped here, nothing is on its way to one any more, or the cluster has changed."""
        self._ended.set()

    def _has_heirs(self) -> bool:
        state = self.views.current
        return state is not None and any(member.node not in state.retiring for member in state.up)

    def _heard(self, node: NodeId, said: HandOver | HandedOver) -> None:
        manager = self._by_name.get(said.name)
        if manager is not None:
            manager.hear(node, said)
        elif isinstance(said, HandOver):
            self.links.send(node, HandedOver(said.name))  # it never ran here


class Manager:
    """What one incarnation of a manager knows."""

    def __init__(
        self, managers: Managers, ctx: ActorContext[Any], name: str, singleton: SingletonBehavior[Any]
    ) -> None:
        self._managers = managers
        self._ctx = ctx
        self._name = name
        self._singleton = singleton
        self._machine: Singleton | None = None
        self._local: NodeId | None = None
        self._instance: ActorRef[Any] | None = None
        self._forwarding: Forwarding[Any] = Forwarding()
        self._due: float | None = None
        """For when the timer of the forwarding is set."""
        self._clock = kernel_of(ctx.system).clock

    @property
    def runs(self) -> bool:
        """Whether the singleton is here, if perhaps about to stop."""
        return self._machine is not None and self._machine.phase in (Phase.running, Phase.stopping)

    @property
    def is_drained(self) -> bool:
        return self._forwarding.is_drained

    def drain(self) -> None:
        """Called outside of the actor's turns, as are `hear` and `see`."""
        self._ctx.self.tell(Drain())

    def hear(self, node: NodeId, said: HandOver | HandedOver) -> None:
        self._ctx.self.tell(Heard(node, said))

    def see(self, view: ClusterState | None) -> None:
        self._ctx.self.tell(Saw(view))

    async def receive(self, ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case Saw(view):
                self._look(view)
                self._managers.ended()
            case Heard(node, said):
                self._hear(node, said)
            case Terminated(ref, reason) if ref == self._instance:
                self._ended(reason)
            case Again():
                self._start()
            case Forwarded(inner, hops):
                self._do(self._forwarding.take(inner, hops, self._now()))
            case Returned(inner, hops):
                self._do(self._forwarding.returned(inner, hops, self._now()))
            case Flush(number, host, port, uid):
                self._forwarding.asked_to_flush(NodeId(host, port, uid))
                self._manager_on(NodeId(host, port, uid)).tell(Flushed(number))
            case Flushed(number):
                self._forwarding.flushed(number)
                self._do(())
            case Drain():
                self._do(self._forwarding.drain(self._now()))
            case Tick():
                self._do(self._forwarding.tick(self._now()))
            case _:
                self._do(self._forwarding.take(message, 0, self._now()))
        return Behaviors.same()

    def end(self) -> None:
        """What waits here is handled by nobody."""
        for message in self._forwarding.close():
            self._bury(message, f"the singleton {self._name} has no node that takes it, and this one has stopped")
        self._managers.ended()

    def _look(self, view: ClusterState | None) -> None:
        if view is None:
            if self._machine is not None:
                self._carry_out(self._machine.out())
            return
        if self._machine is None or self._local != view.local:
            self._local = view.local
            self._machine = Singleton(self._name, view.local, stopping=self._instance is not None)
        self._carry_out(self._machine.members(view.members, view.retiring))
        self._do(self._forwarding.members(view.others, self._now(), unreachable=view.unreachable))
        self._aim()

    def _hear(self, node: NodeId, said: HandOver | HandedOver) -> None:
        if self._machine is None:
            return
        match said:
            case HandOver():
                self._carry_out(self._machine.hand_over(node))
            case HandedOver():
                self._carry_out(self._machine.handed_over(node))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start():
                    self._ctx.log.info("the singleton %s starts on this node", self._name)
                    self._start()
                case Stop():
                    self._stop()
                case Say(to, said):
                    self._managers.links.send(to, said)

    def _start(self) -> None:
        if self._instance is None and self._machine is not None and self._machine.phase is Phase.running:
            try:
                self._instance = self._ctx.spawn(self._singleton.factory(), INSTANCE)
            except BaseException as error:  # whatever a user's factory raises, the next attempt may succeed
                raise_unless_failure(error)
                self._ended(error)
                return
            self._ctx.watch(self._instance)
            self._aim()

    def _stop(self) -> None:
        if self._instance is None:
            self._ended(None)
        else:
            self._forwarding.taken_back(_take_unread(self._instance))
            self._ctx.stop(self._instance)

    def _ended(self, reason: BaseException | None) -> None:
        self._instance = None
        machine = self._machine
        if machine is not None and machine.phase is Phase.stopping:
            self._ctx.log.info("the singleton %s has stopped on this node", self._name)
            self._carry_out(machine.stopped())
            self._managers.ended()
        elif reason is not None:
            self._ctx.log.error("the singleton %s failed and starts again in %s s: %s", self._name, PAUSE, reason)
            self._ctx.timers.start("again", Again(), after=PAUSE)
        self._aim()

    def _now(self) -> float:
        return self._clock.time()

    def _aim(self) -> None:
        """Say where the singleton is, as far as is known."""
        machine = self._machine
        aim = None if machine is None else machine.host
        if machine is not None and aim == self._local:
            aim = HERE if self._instance is not None and machine.phase is Phase.running else None
        self._do(self._forwarding.aim(aim, self._now()))

    def _do(self, effects: Sequence[forwarding.Effect[Any]]) -> None:
        for effect in effects:
            match effect:
                case Deliver(message):
                    assert self._instance is not None, "aimed at what does not run"
                    kernel_of(self._ctx.system).dead_letters.tell(self._instance, message)
                case PassOn(to, message, hops):
                    self._forward(to, message, hops)
                case AskToFlush(to, number):
                    assert self._local is not None, "a node that retires has been a member"
                    self._manager_on(to).tell(Flush(number, *self._local))
                case Drop(message, reason):
                    self._bury(message, f"{reason}; it is for the singleton {self._name}")
        due = self._forwarding.next_deadline()
        if due != self._due:
            self._due = due
            if due is None:
                self._ctx.timers.cancel("tick")
            else:
                self._ctx.timers.start("tick", Tick(), after=max(0.0, due - self._now()))
        if self._forwarding.is_drained:
            self._managers.ended()

    def _forward(self, host: NodeId, message: Any, hops: int) -> None:
        """Pass a message on. If it cannot leave, the message is the dead letter, and not what it travels in."""
        manager = self._manager_on(host)
        forwarded = Forwarded(message, hops)
        if not isinstance(manager, RemoteRef):
            manager.tell(forwarded)
        elif refused := manager.send(forwarded):
            reason, cause = refused
            if isinstance(cause, EncodeError):
                cause = self._encode_error(message) or cause
                reason = str(cause)
            self._bury(message, reason, cause)

    def _encode_error(self, message: Any) -> EncodeError | None:
        """What the serializer says of the message alone, under its own type."""
        try:
            self._ctx.system.serializer.dumps(message)
        except EncodeError as error:
            return error
        return None

    def _manager_on(self, node: NodeId) -> ActorRef[Any]:
        own = self._ctx.self.address
        address = ActorAddress(system=own.system, path=own.path, host=node.host, port=node.port)
        return self._managers.resolve(address)

    def _bury(self, message: Any, reason: str, cause: Exception | None = None) -> None:
        kernel_of(self._ctx.system).dead_letters.publish(message, self._ctx.self, reason, cause)


def _take_unread(instance: ActorRef[Any]) -> list[Any]:
    """What an actor that is to stop has not handled: another node's will. Its timers' messages end with it."""
    assert isinstance(instance, LocalRef)
    cell = instance.cell
    if cell.queue is None:  # it has nothing to do
        return []
    unread = [entry for entry in cell.take_waiting() if not isinstance(entry, Revocable)]
    stash = [] if cell.life is None else cell.life.stash
    unread[:0] = stash
    stash.clear()
    return unread
