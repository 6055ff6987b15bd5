"""A singleton's part on one node: an actor around `protocol.singleton` that starts, stops and reaches it.

Every node has one under the singleton's name. What it is told goes to the singleton, by `protocol.forwarding`: to its
child, where that runs here, else to the manager of the host.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Mailbox, Terminated
from casty.behaviors.clustered import SingletonBehavior
from casty.errors import EncodeError
from casty.extension import Internal, Kernel, LocalRef, take_unread
from casty.interruption import raise_unless_failure
from casty.member import ClusterState, NodeId
from casty.spi.cluster_feature import (
    ClusterFeature,
    ClusterNode,
    ReceiveMessage,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)

from casty_cluster.node.enduring import enduring
from casty_cluster.protocol import forwarding
from casty_cluster.protocol.forwarding import HERE, AskToFlush, Deliver, Drop, Forwarding, PassOn
from casty_cluster.protocol.singleton import Effect, Phase, Say, Singleton, Start, Stop
from casty_cluster.remoting.refs import RemoteRef
from casty_cluster.wire.forwarding import Flush, Flushed, Forwarded, Returned
from casty_cluster.wire.system import HandedOver, HandOver

logger = logging.getLogger("casty.cluster")

PAUSE: Final = 1.0
"""Seconds before a singleton that has failed is started again."""
HAND_OFF_TIMEOUT: Final = 10.0
"""Seconds that a node which shuts down waits until its singletons are handed over."""
INSTANCE: Final = "instance"


@dataclass(frozen=True, slots=True)
class ViewChanged(Internal):
    """The cluster has changed; None: this node is no member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class PeerMessage(Internal):
    """The manager of another node has sent a message about the hand-over."""

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


class Singletons(ClusterFeature):
    """Runs `Behaviors.singleton`: each singleton has a manager on each node, and one of them runs it."""

    def __init__(self, node: ClusterNode, kernel: Kernel) -> None:
        self.node = node
        self.kernel = kernel
        self._managers: dict[str, Manager] = {}
        self._changed = asyncio.Event()

    @override
    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        return {SingletonBehavior: self._spawn}

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {HandOver: self._received, HandedOver: self._received}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {ShutdownPhase.hand_off: ShutdownTask(self._hand_off, HAND_OFF_TIMEOUT)}

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        for manager in self._managers.values():
            manager.see(view)

    def note_change(self) -> None:
        """A singleton has stopped here, no message is on its way to one any more, or the cluster has changed."""
        self._changed.set()

    def _spawn(self, singleton: SingletonBehavior[Any], name: str, mailbox: Mailbox | None) -> ActorRef[Any]:
        async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
            manager = self._managers[name] = Manager(self, ctx, name, singleton)
            if self.node.view is not None:
                manager.see(self.node.view)

            async def forget(_: ActorContext[Any]) -> None:
                if self._managers.get(name) is manager:
                    del self._managers[name]
                manager.end()

            return Behaviors.with_lifecycle(Behaviors.receive(manager.receive), post_stop=forget)

        return self.node.spawn(enduring(Behaviors.setup(setup)), name, mailbox=mailbox)

    async def _hand_off(self) -> None:
        """Until no singleton runs here while there is a member that stays, and no message is on its way to one through
        this node any more.
        """
        try:
            await self._until(lambda manager: not manager.runs)
            for manager in self._managers.values():
                manager.drain()
            await self._until(lambda manager: manager.is_drained)
        except asyncio.CancelledError:
            left = [name for name, manager in self._managers.items() if manager.runs or not manager.is_drained]
            logger.warning("these singletons, or messages for them, were not handed over: %s", ", ".join(left))
            raise

    async def _until(self, holds: "Callable[[Manager], bool]") -> None:
        """Until it holds for every manager, or there is no member left that stays."""
        while self._has_successors() and not all(map(holds, self._managers.values())):
            self._changed.clear()
            await self._changed.wait()

    def _has_successors(self) -> bool:
        view = self.node.view
        return view is not None and any(member.node not in view.retiring for member in view.up)

    def _received(self, node: NodeId, message: HandOver | HandedOver) -> None:
        manager = self._managers.get(message.name)
        if manager is not None:
            manager.hear(node, message)
        elif isinstance(message, HandOver):
            self.node.send(node, HandedOver(message.name))  # it never ran here


class Manager:
    """What one incarnation of a manager knows."""

    def __init__(
        self, singletons: Singletons, ctx: ActorContext[Any], name: str, singleton: SingletonBehavior[Any]
    ) -> None:
        self._singletons = singletons
        self._node = singletons.node
        self._dead_letters = singletons.kernel.dead_letters
        self._ctx = ctx
        self._name = name
        self._singleton = singleton
        self._machine: Singleton | None = None
        self._local: NodeId | None = None
        self._instance: ActorRef[Any] | None = None
        self._forwarding: Forwarding[Any] = Forwarding()
        self._due: float | None = None
        """For when the timer of the forwarding is set."""

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
        self._ctx.self.tell(PeerMessage(node, said))

    def see(self, view: ClusterState | None) -> None:
        self._ctx.self.tell(ViewChanged(view))

    async def receive(self, ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case ViewChanged(view):
                self._look(view)
                self._singletons.note_change()
            case PeerMessage(node, said):
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
            self._undeliverable(
                message, f"the singleton {self._name} has no node that takes it, and this one has stopped"
            )
        self._singletons.note_change()

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
                    self._node.send(to, said)

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
            assert isinstance(self._instance, LocalRef)
            self._forwarding.taken_back(take_unread(self._instance))
            self._ctx.stop(self._instance)

    def _ended(self, reason: BaseException | None) -> None:
        self._instance = None
        machine = self._machine
        if machine is not None and machine.phase is Phase.stopping:
            self._ctx.log.info("the singleton %s has stopped on this node", self._name)
            self._carry_out(machine.stopped())
            self._singletons.note_change()
        elif reason is not None:
            self._ctx.log.error("the singleton %s failed and starts again in %s s: %s", self._name, PAUSE, reason)
            self._ctx.timers.start("again", Again(), after=PAUSE)
        self._aim()

    def _now(self) -> float:
        return self._node.clock.time()

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
                    self._dead_letters.tell(self._instance, message)
                case PassOn(to, message, hops):
                    self._forward(to, message, hops)
                case AskToFlush(to, number):
                    assert self._local is not None, "a node that retires has been a member"
                    self._manager_on(to).tell(Flush(number, *self._local))
                case Drop(message, reason):
                    self._undeliverable(message, f"{reason}; it is for the singleton {self._name}")
        due = self._forwarding.next_deadline()
        if due != self._due:
            self._due = due
            if due is None:
                self._ctx.timers.cancel("tick")
            else:
                self._ctx.timers.start("tick", Tick(), after=max(0.0, due - self._now()))
        if self._forwarding.is_drained:
            self._singletons.note_change()

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
            self._undeliverable(message, reason, cause)

    def _encode_error(self, message: Any) -> EncodeError | None:
        """What the serializer says of the message alone, under its own type."""
        try:
            self._ctx.system.serializer.dumps(message)
        except EncodeError as error:
            return error
        return None

    def _manager_on(self, node: NodeId) -> ActorRef[Any]:
        return self._node.actor_on(node, self._ctx.self.address.path)

    def _undeliverable(self, message: Any, reason: str, cause: Exception | None = None) -> None:
        self._dead_letters.publish(message, self._ctx.self, reason, cause)
