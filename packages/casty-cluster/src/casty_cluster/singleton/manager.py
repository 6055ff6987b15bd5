"""The part of one node in its singletons: the shells of `protocol.singleton` and `protocol.forwarding`.

Every node has a manager under the singleton's name. It passes messages on: to its child, where the singleton runs on
this node, else to the manager on the host.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Mailbox, Terminated
from casty.behaviors.clustered import SingletonBehavior
from casty.errors import EncodeError
from casty.extension import Internal, Kernel, LocalRef, take_unread
from casty.interruption import described, raise_unless_failure
from casty.member import ClusterState, NodeId
from casty.spi.cluster_feature import (
    ClusterFeature,
    ClusterNode,
    ReceiveMessage,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)

from casty_cluster.node.driver import Driver
from casty_cluster.node.enduring import enduring
from casty_cluster.protocol import forwarding, singleton
from casty_cluster.protocol.forwarding import Forwarding
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.singleton import Singleton
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.remoting.refs import RemoteRef
from casty_cluster.wire.forwarding import Flush, Flushed, Forwarded, Returned
from casty_cluster.wire.system import HandedOver, HandOver

logger = logging.getLogger("casty.cluster")

HAND_OFF_TIMEOUT: Final = 10.0
"""Seconds that a node which shuts down waits until its singletons are handed over."""
INSTANCE: Final = "instance"


@dataclass(frozen=True, slots=True)
class ViewChanged(Internal):
    """The view of the cluster has changed; None: this node is not a member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class PeerMessage(Internal):
    """The manager of another node has sent a message about the hand-over."""

    node: NodeId
    message: HandOver | HandedOver


@dataclass(frozen=True, slots=True)
class RoleDue(Internal):
    """The deadline of the singleton's machine has come."""


@dataclass(frozen=True, slots=True)
class ForwardingDue(Internal):
    """The deadline of the forwarding has come."""


@dataclass(frozen=True, slots=True)
class Drain(Internal):
    """This node retires, and its singletons have been handed over."""


_OWN: Final = frozenset(
    (ViewChanged, PeerMessage, RoleDue, ForwardingDue, Drain, Terminated, Flush, Flushed, Returned, Forwarded)
)
"""The types of message that the manager handles itself."""


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
            await self._until(lambda manager: not manager.has_it)
            for manager in self._managers.values():
                manager.drain()
            await self._until(lambda manager: manager.is_drained)
        except asyncio.CancelledError:
            left = [name for name, manager in self._managers.items() if manager.has_it or not manager.is_drained]
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
    """The manager of one singleton on one node, for as long as its actor runs."""

    def __init__(
        self, singletons: Singletons, ctx: ActorContext[Any], name: str, behavior: SingletonBehavior[Any]
    ) -> None:
        self._singletons = singletons
        self._node = singletons.node
        self._dead_letters = singletons.kernel.dead_letters
        self._ctx = ctx
        self._name = name
        self._behavior = behavior
        self._instance: ActorRef[Any] | None = None
        self._managers: dict[NodeId, ActorRef[Any]] = {}
        """Those of other nodes in this view, as far as they were needed: a reference costs more than a message."""
        clock = self._node.clock
        self._singleton = Singleton(name)
        self._role: Driver[singleton.Input, singleton.Effect] = Driver(
            self._singleton, clock, self._play, due=lambda: ctx.self.tell(RoleDue())
        )
        self._forwarding: Forwarding[Any] = Forwarding()
        # It remembers no inputs: users' messages may be large.
        self._router: Driver[forwarding.Input[Any], forwarding.Effect[Any]] = Driver(
            self._forwarding, clock, self._route, due=lambda: ctx.self.tell(ForwardingDue()), remembered=0
        )

    @property
    def has_it(self) -> bool:
        """Whether no other node can have the singleton yet."""
        return self._singleton.has_it

    @property
    def is_drained(self) -> bool:
        return self._forwarding.is_drained

    def drain(self) -> None:
        """Called outside of the actor's turns, as are `hear` and `see`."""
        self._ctx.self.tell(Drain())

    def hear(self, node: NodeId, message: HandOver | HandedOver) -> None:
        self._ctx.self.tell(PeerMessage(node, message))

    def see(self, view: ClusterState | None) -> None:
        self._ctx.self.tell(ViewChanged(view))

    async def receive(self, ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        if type(message) not in _OWN:  # nearly all messages are for the singleton
            self._forward(forwarding.Take(message, 0))
            return Behaviors.same()
        match message:
            case ViewChanged(ClusterState() as view):
                self._managers.clear()
                self._decide(singleton.Members(view.local, view.members, view.retiring))
                self._forward(forwarding.Members(view.others, view.unreachable))
            case ViewChanged():
                self._decide(singleton.Out())
            case PeerMessage(node, HandOver()):
                self._decide(singleton.HandOverReceived(node))
            case PeerMessage(node, HandedOver()):
                self._decide(singleton.HandedOverReceived(node))
            case Terminated(ref, reason) if ref == self._instance:
                self._instance = None
                self._ctx.log.info("the singleton %s has stopped on this node", self._name)
                self._decide(singleton.InstanceStopped(None if reason is None else described(reason)))
            case RoleDue():
                self._decide(Tick())
            case ForwardingDue():
                self._forward(Tick())
            case Drain():
                self._forward(forwarding.Drain())
            case Flush(number, host, port, uid):
                self._forward(forwarding.FlushRequested(NodeId(host, port, uid), number))
            case Flushed(number):
                self._forward(forwarding.Flushed(number))
            case Returned(inner, hops):
                self._forward(forwarding.Returned(inner, hops))
            case Forwarded(inner, hops):
                self._forward(forwarding.Take(inner, hops))
            case _:
                self._forward(forwarding.Take(message, 0))
        return Behaviors.same()

    def end(self) -> None:
        """The manager has stopped: the messages that wait here become dead letters."""
        self._forward(forwarding.Close())
        self._role.stop()
        self._router.stop()

    def _decide(self, given: singleton.Input | Tick) -> None:
        self._role.handle(given)
        self._forward(forwarding.AimAt(self._singleton.aim))
        self._singletons.note_change()

    def _forward(self, given: forwarding.Input[Any]) -> None:
        self._router.handle(given)
        if self._forwarding.is_drained:
            self._singletons.note_change()

    def _play(self, effect: singleton.Effect) -> None:
        match effect:
            case singleton.Start():
                self._start()
            case singleton.Stop():
                self._stop()
            case singleton.Paused(failure):
                self._ctx.log.error(
                    "the singleton %s failed and starts again in %s s: %s", self._name, singleton.PAUSE, failure
                )
            case SendSystem(to, message):
                self._node.send(to, message)

    def _start(self) -> None:
        self._ctx.log.info("the singleton %s starts on this node", self._name)
        try:
            self._instance = self._ctx.spawn(self._behavior.factory(), INSTANCE)
        except BaseException as error:  # whatever a user's factory raises, the next attempt may succeed
            raise_unless_failure(error)
            self._role.handle(singleton.InstanceStopped(described(error)))
            return
        self._ctx.watch(self._instance)

    def _stop(self) -> None:
        assert isinstance(self._instance, LocalRef), "what is to stop runs here"
        # Before the messages are taken back, so that they do not return to where they come from.
        self._forward(forwarding.AimAt(self._singleton.aim))
        self._forward(forwarding.TakenBack(take_unread(self._instance)))
        self._ctx.stop(self._instance)

    def _route(self, effect: forwarding.Effect[Any]) -> None:
        match effect:
            case forwarding.Deliver(message):
                assert self._instance is not None, "aimed at an actor that does not run"
                self._dead_letters.tell(self._instance, message)
            case forwarding.PassOn(to, message, hops):
                self._pass_on(to, message, hops)
            case forwarding.RequestFlush(to, number):
                self._manager_on(to).tell(Flush(number, *self._node.local.node))
            case forwarding.ReplyFlushed(to, number):
                self._manager_on(to).tell(Flushed(number))
            case forwarding.Drop(message, reason):
                self._undeliverable(message, f"{reason}; it is for the singleton {self._name}")

    def _pass_on(self, host: NodeId, message: Any, hops: int) -> None:
        """Pass a message on. If it cannot leave, the message becomes the dead letter, without its envelope."""
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
        """The error of the serializer for the message alone, which names the user's type."""
        try:
            self._ctx.system.serializer.dumps(message)
        except EncodeError as error:
            return error
        return None

    def _manager_on(self, node: NodeId) -> ActorRef[Any]:
        manager = self._managers.get(node)
        if manager is None:
            manager = self._managers[node] = self._node.actor_on(node, self._ctx.self.address.path)
        return manager

    def _undeliverable(self, message: Any, reason: str, cause: Exception | None = None) -> None:
        self._dead_letters.publish(message, self._ctx.self, reason, cause)
