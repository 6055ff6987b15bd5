"""The receptionist of one node: an actor around `protocol.registry`."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, ServiceKey, Terminated
from casty.address import ActorAddress
from casty.behaviors.discovery import (
    Deregister,
    Find,
    Listing,
    ReceptionistMessage,
    Register,
    ServiceInstance,
    Subscribe,
)
from casty.errors import ScopeError
from casty.extension import Internal, Kernel, Throttle
from casty.member import ClusterState, NodeId
from casty.printable import printable
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ReceiveMessage, ShutdownPhase, ShutdownTask

from casty_cluster.node.driver import Driver
from casty_cluster.node.enduring import Strays, enduring
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.registry import (
    ActorStopped,
    Add,
    Effect,
    Input,
    ListingChanged,
    Members,
    PeerChanged,
    Publish,
    Refuse,
    Registry,
    Remove,
    Subscribed,
)
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.system import Changed

logger = logging.getLogger("casty.cluster")

NAME: Final = "_receptionist"


@dataclass(frozen=True, slots=True)
class ViewChanged(Internal):
    """The view of the cluster has changed; None: this node is not a member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class PeerMessage(Internal):
    """Another node has sent a change of its entries."""

    node: NodeId
    change: Changed


@dataclass(frozen=True, slots=True)
class Discovered(Internal):
    """A discoverable actor of this node has started."""

    key: ServiceKey[Any]
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Due(Internal):
    """The deadline of the registry has come."""


type Message = ReceptionistMessage | ViewChanged | PeerMessage | Discovered | Due | Terminated
_TAKEN: Final = (Register, Deregister, Find, Subscribe, ViewChanged, PeerMessage, Discovered, Due, Terminated)


class Receptionist(ClusterFeature):
    """Knows the actors that can be found, and notifies subscribers."""

    def __init__(self, node: ClusterNode, kernel: Kernel) -> None:
        self._node = node
        self._resolve = kernel.system.resolve
        self._tell = kernel.dead_letters.tell
        self._registry = Registry[ActorRef[Any]](node.local.node)
        # It remembers no inputs: that would keep actors in memory that have stopped.
        self._driver: Driver[Input[ActorRef[Any]], Effect] = Driver(
            self._registry, node.clock, self._carry_out, due=lambda: self.ref.tell(Due()), remembered=0
        )
        self._strays = Strays(node.clock, NAME)
        self._throttle = Throttle(node.clock)
        self._listings: dict[str, dict[tuple[NodeId, str], ServiceInstance[Any]]] = {}
        """The last listings, by node and URI, so that each URI is parsed once."""
        self.ref: ActorRef[Message] = node.spawn(self._behavior(), NAME)

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {Changed: lambda node, change: self.ref.tell(PeerMessage(node, change))}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {ShutdownPhase.close: ShutdownTask(self._close)}

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        self.ref.tell(ViewChanged(view))

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """Let an actor that starts be found. Raises `ScopeError` where there is no room for it, so that no actor runs
        that should be found and is not.
        """
        try:
            self._registry.reserve(key.name, ref.address.to_uri())
        except ValueError as error:
            raise ScopeError(f"{ref.address.path} cannot be found under {key.name!r}: {error}") from None
        self.ref.tell(Discovered(key, ref))

    def listing(self, key: ServiceKey[Any]) -> Listing[Any]:
        """The actors that can be found under the key now."""
        before = self._listings.pop(key.name, {})
        instances = {
            (node, uri): before.get((node, uri)) or ServiceInstance(self._resolve(ActorAddress.from_uri(uri)), node)
            for node, uri in self._registry.find(key.name)
        }
        if instances:
            self._listings[key.name] = instances
        return Listing(key, tuple(instances.values()))

    def keys_of(self, ref: ActorRef[Any]) -> Iterable[str]:
        """The names of the keys under which an actor of this node can be found now."""
        return self._registry.keys_of(ref.address.to_uri())

    def _behavior(self) -> Behavior[Message]:
        async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
            if isinstance(cast("object", message), _TAKEN):
                self._handle(ctx, message)
            else:
                self._strays.ignore(message)
            return Behaviors.same()

        return enduring(Behaviors.receive(receive))

    def _handle(self, ctx: ActorContext[Message], message: Message) -> None:
        handle = self._driver.handle
        match message:
            case Register(key, ref):
                ctx.watch(ref)
                handle(Add(key.name, ref.address.to_uri()))
            case Discovered(key, ref):
                ctx.watch(ref)
                handle(Add(key.name, ref.address.to_uri(), is_reserved=True))
            case Deregister(key, ref):
                handle(Remove(key.name, ref.address.to_uri()))
            case Find(key, reply_to):
                self._tell(reply_to, self.listing(key))
            case Subscribe(key, reply_to):
                ctx.watch(reply_to)
                handle(Subscribed(key.name, reply_to))
            case Terminated(ref):
                handle(ActorStopped(ref.address.to_uri(), ref))
            case PeerMessage(node, change):
                handle(PeerChanged(node, change))
            case ViewChanged(ClusterState() as view):
                handle(Members(view.local, view.others))
            case ViewChanged():
                handle(Members(self._node.local.node, ()))
            case Due():
                handle(Tick())

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendSystem(to, change):
                self._node.send(to, change)
            case Publish(key, subscribers):
                listing = self.listing(ServiceKey(key))
                for subscriber in subscribers:
                    self._tell(subscriber, listing)
            case ListingChanged(key):
                self._listings.pop(key, None)  # it would keep references to actors that have stopped
            case Refuse(address, reason):
                if self._throttle.admits(Refuse):
                    logger.warning("%s cannot be registered: %s", printable(address), reason)

    async def _close(self) -> None:
        self._driver.stop()
