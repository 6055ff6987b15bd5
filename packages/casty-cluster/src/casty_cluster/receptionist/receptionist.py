"""The receptionist of one node: an actor around `protocol.registry`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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
from casty.extension import Internal, Kernel
from casty.member import ClusterState, NodeId
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ReceiveMessage

from casty_cluster.node.enduring import Strays, enduring
from casty_cluster.protocol.registry import Effect, ListingChanged, Registry, SendChange
from casty_cluster.wire.system import Changed

NAME = "_receptionist"
COMBINED: Final = 0.05
"""Seconds between two listings for one subscriber: what changes meanwhile is told together, so that many changes in
quick succession cost as many steps, and not as many listings of everything.
"""


@dataclass(frozen=True, slots=True)
class ViewChanged(Internal):
    """The cluster has changed; None: this node is no member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class PeerMessage(Internal):
    """Another node has said what has become of its actors."""

    node: NodeId
    change: Changed


@dataclass(frozen=True, slots=True)
class Discovered(Internal):
    """An actor of this node has started that is to be found."""

    key: ServiceKey[Any]
    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Publish(Internal):
    """It is time to tell the subscribers what has changed."""


type Message = ReceptionistMessage | ViewChanged | PeerMessage | Discovered | Publish | Terminated
_TAKEN: Final = (Register, Deregister, Find, Subscribe, ViewChanged, PeerMessage, Discovered, Publish, Terminated)


class Receptionist(ClusterFeature):
    """Knows the actors that can be found, and notifies subscribers."""

    def __init__(self, node: ClusterNode, kernel: Kernel) -> None:
        self._node = node
        self._resolve = kernel.system.resolve
        self._tell = kernel.dead_letters.tell
        self._registry = Registry(node.local.node)
        self._strays = Strays(node.clock, NAME)
        self._own: dict[ActorRef[Any], set[str]] = {}
        self._subscribers: dict[str, dict[ActorRef[Any], None]] = {}
        self._subscriptions: dict[ActorRef[Any], set[str]] = {}
        """The keys of each subscriber."""
        self._listings: dict[str, dict[tuple[NodeId, str], ServiceInstance[Any]]] = {}
        """The last listings, by node and URI, so that each URI is parsed once."""
        self._changed: dict[str, None] = {}
        """Keys whose subscribers do not know the newest listing."""
        self._quiet_until = 0.0
        self._coming = 0
        """Actors that have started and are still to be added."""
        self.ref: ActorRef[Message] = node.spawn(self._behavior(), NAME)

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {Changed: lambda node, change: self.ref.tell(PeerMessage(node, change))}

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        self.ref.tell(ViewChanged(view))

    def _behavior(self) -> Behavior[Message]:
        async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
            if not isinstance(cast("object", message), _TAKEN):
                self._strays.ignore(message)
                return Behaviors.same()
            self._begin_again()
            self._carry_out(self._handle(ctx, message))
            self._publish(ctx)
            return Behaviors.same()

        return enduring(Behaviors.receive(receive))

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """An actor starts that is to be found. Raises `ScopeError` where it cannot be, so that it does not run
        without being found.
        """
        try:
            self._registry.check_room(key.name, ref.address.to_uri(), self._coming)
        except ValueError as error:
            raise ScopeError(f"{ref.address.path} cannot be found under {key.name!r}: {error}") from None
        self._coming += 1
        self.ref.tell(Discovered(key, ref))

    def listing(self, key: ServiceKey[Any]) -> Listing[Any]:
        """Who can be found under the key now."""
        before = self._listings.pop(key.name, {})
        instances = {
            (node, uri): before.get((node, uri)) or ServiceInstance(self._resolve(ActorAddress.from_uri(uri)), node)
            for node, uri in self._registry.find(key.name)
        }
        if instances:
            self._listings[key.name] = instances
        return Listing(key, tuple(instances.values()))

    def _handle(self, ctx: ActorContext[Message], message: Message) -> list[Effect]:
        match message:
            case Register(key, ref):
                return self._register(ctx, key, ref)
            case Discovered(key, ref):
                self._coming -= 1
                return self._register(ctx, key, ref)
            case Deregister(key, ref):
                self._own.get(ref, set()).discard(key.name)
                return self._registry.remove(key.name, ref.address.to_uri())
            case Find(key, reply_to):
                self._tell(reply_to, self.listing(key))
                return []
            case Subscribe(key, reply_to):
                ctx.watch(reply_to)
                self._subscribers.setdefault(key.name, {})[reply_to] = None
                self._subscriptions.setdefault(reply_to, set()).add(key.name)
                self._tell(reply_to, self.listing(key))
                return []
            case Terminated(ref):
                return self._forget(ref)
            case PeerMessage(node, change):
                return self._registry.changed(node, change)
            case ViewChanged(view):
                return self._registry.members(() if view is None else view.others)
            case Publish():
                return []

    def _register(self, ctx: ActorContext[Message], key: ServiceKey[Any], ref: ActorRef[Any]) -> list[Effect]:
        ctx.watch(ref)
        effects = self._registry.add(key.name, ref.address.to_uri())
        self._own.setdefault(ref, set()).add(key.name)
        return effects

    def _forget(self, ref: ActorRef[Any]) -> list[Effect]:
        for key in self._subscriptions.pop(ref, ()):
            del self._subscribers[key][ref]
            if not self._subscribers[key]:
                del self._subscribers[key]
                self._listings.pop(key, None)
        remove = partial(self._registry.remove, address=ref.address.to_uri())
        return [effect for key in sorted(self._own.pop(ref, ())) for effect in remove(key)]

    def _begin_again(self) -> None:
        """Where this node has come back as another incarnation, nothing is known of the others, and they know nothing
        of its own actors.
        """
        if self._node.local.node != self._registry.local:
            self._registry = Registry(self._node.local.node)
            for ref, keys in self._own.items():
                for key in sorted(keys):
                    self._registry.add(key, ref.address.to_uri())

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendChange(to, change):
                    self._node.send(to, change)
                case ListingChanged(key):
                    if key in self._subscribers:
                        self._changed[key] = None
                    else:
                        self._listings.pop(key, None)  # it would keep what has stopped

    def _publish(self, ctx: ActorContext[Message]) -> None:
        """Tell the subscribers what has changed, at once after a quiet time, else together with what still comes."""
        if not self._changed:
            return
        now = self._node.clock.time()
        if now < self._quiet_until:
            ctx.timers.start("publish", Publish(), after=self._quiet_until - now)
            return
        self._quiet_until = now + COMBINED
        changed, self._changed = self._changed, {}
        for key in changed:
            if key in self._subscribers:
                listing = self.listing(ServiceKey(key))
                for subscriber in self._subscribers[key]:
                    self._tell(subscriber, listing)
