"""The receptionist of one node: an actor around `protocol.registry`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from casty import (
    ActorContext,
    ActorRef,
    Behavior,
    Behaviors,
    Directive,
    OneForOneStrategy,
    ServiceKey,
    Terminated,
)
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
from casty.member import NodeId
from casty.runtime.dead_letters import DeadLetters, Internal

from casty_cluster.node.system_links import SystemLinks
from casty_cluster.node.view import ClusterState, Views
from casty_cluster.protocol.registry import Changed, Effect, ListingChanged, Registry, SendChange

NAME = "_receptionist"


@dataclass(frozen=True, slots=True)
class Saw(Internal):
    """The cluster has changed; None: this node is no member any more."""

    view: ClusterState | None


@dataclass(frozen=True, slots=True)
class Heard(Internal):
    """Another node has said what has become of its actors."""

    node: NodeId
    change: Changed


type Message = ReceptionistMessage | Saw | Heard | Terminated


class Receptionist:
    """What the receptionist knows, and what it does about it."""

    def __init__(
        self,
        links: SystemLinks,
        views: Views,
        local: Callable[[], NodeId],
        *,
        resolve: Callable[[ActorAddress], ActorRef[Any]],
        dead_letters: DeadLetters,
    ) -> None:
        self._links = links
        self._views = views
        self._local = local
        self._resolve = resolve
        self._tell = dead_letters.tell
        self._registry = Registry(local())
        self._own: dict[ActorRef[Any], set[str]] = {}
        self._subscribers: dict[str, dict[ActorRef[Any], None]] = {}

    def behavior(self) -> Behavior[Message]:
        """The actor; one receptionist has one."""

        async def setup(ctx: ActorContext[Message]) -> Behavior[Message]:
            self._links.on(Changed, lambda node, change: ctx.self.tell(Heard(node, change)))
            self._views.observe(lambda view: ctx.self.tell(Saw(view)))
            return Behaviors.receive(receive)

        async def receive(ctx: ActorContext[Message], message: Message) -> Behavior[Message]:
            self._begin_again()
            self._carry_out(self._handle(ctx, message))
            return Behaviors.same()

        # What it cannot do for one must not take it from the others.
        return Behaviors.supervise(Behaviors.setup(setup), OneForOneStrategy(decider=lambda _: Directive.resume))

    def listing(self, key: ServiceKey[Any]) -> Listing[Any]:
        """Who can be found under the key now."""
        found = self._registry.find(key.name)
        return Listing(
            key,
            tuple(ServiceInstance(self._resolve(ActorAddress.from_uri(uri)), node) for node, uri in found),
        )

    def _handle(self, ctx: ActorContext[Message], message: Message) -> list[Effect]:
        match message:
            case Register(key, ref):
                ctx.watch(ref)
                effects = self._registry.add(key.name, ref.address.to_uri())
                self._own.setdefault(ref, set()).add(key.name)
                return effects
            case Deregister(key, ref):
                self._own.get(ref, set()).discard(key.name)
                return self._registry.remove(key.name, ref.address.to_uri())
            case Find(key, reply_to):
                self._tell(reply_to, self.listing(key))
                return []
            case Subscribe(key, reply_to):
                ctx.watch(reply_to)
                self._subscribers.setdefault(key.name, {})[reply_to] = None
                self._tell(reply_to, self.listing(key))
                return []
            case Terminated(ref):
                return self._forget(ref)
            case Heard(node, change):
                return self._registry.changed(node, change)
            case Saw(view):
                return self._registry.members(() if view is None else view.others)

    def _forget(self, ref: ActorRef[Any]) -> list[Effect]:
        for subscribers in self._subscribers.values():
            subscribers.pop(ref, None)
        remove = partial(self._registry.remove, address=ref.address.to_uri())
        return [effect for key in sorted(self._own.pop(ref, ())) for effect in remove(key)]

    def _begin_again(self) -> None:
        """Where this node has come back as another incarnation, nothing is known of the others, and they know nothing
        of its own actors.
        """
        if self._local() != self._registry.local:
            self._registry = Registry(self._local())
            for ref, keys in self._own.items():
                for key in sorted(keys):
                    self._registry.add(key, ref.address.to_uri())

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendChange(to, change):
                    self._links.send(to, change)
                case ListingChanged(key):
                    for subscriber in self._subscribers.get(key, ()):
                        self._tell(subscriber, self.listing(ServiceKey(key)))
