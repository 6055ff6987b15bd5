"""The receptionist of a system without a cluster: which of its actors can be found under which key."""

from dataclasses import dataclass
from typing import Any, Final, cast

from casty.behaviors.clustered import ServiceKey
from casty.behaviors.context import ActorContext
from casty.behaviors.discovery import (
    Deregister,
    Find,
    Listing,
    ReceptionistMessage,
    Register,
    ServiceInstance,
    Subscribe,
)
from casty.behaviors.supervision import Directive, OneForOneStrategy
from casty.behaviors.values import SAME, UNHANDLED, Behavior, ReceiveBehavior, SetupBehavior, SupervisedBehavior
from casty.member import NodeId
from casty.messages import Terminated
from casty.ref import ActorRef
from casty.runtime.dead_letters import Internal

RECEPTIONIST: Final = "_receptionist"
"""The name of its actor, the same as in a cluster."""
HERE: Final = NodeId("localhost", 0, 0)
"""Stands for the node where there are none."""
_RESUMING: Final = OneForOneStrategy(decider=lambda _: Directive.resume)


@dataclass(frozen=True, slots=True)
class Publish(Internal):
    """Publish the keys that have changed: told to itself, so that all changes which wait already come first."""


type Message = ReceptionistMessage | Publish | Terminated
_TAKEN: Final = (Register, Deregister, Find, Subscribe, Publish, Terminated)


def receptionist() -> Behavior[ReceptionistMessage]:
    """The behavior of its actor: what it cannot do for one client, it does for the others."""

    async def setup(_: ActorContext[Any]) -> Behavior[Any]:
        desk = _Desk()

        async def receive(ctx: ActorContext[Any], message: Message) -> Behavior[Any]:
            if not isinstance(cast("object", message), _TAKEN):
                return UNHANDLED
            desk.handle(ctx, message)
            return SAME

        return ReceiveBehavior(receive)

    return SupervisedBehavior(SetupBehavior(setup), _RESUMING)


class _Entries:
    """References under names, found by either."""

    def __init__(self) -> None:
        self._refs: dict[str, dict[ActorRef[Any], None]] = {}
        self._names: dict[ActorRef[Any], dict[str, None]] = {}

    def add(self, name: str, ref: ActorRef[Any]) -> None:
        self._refs.setdefault(name, {})[ref] = None
        self._names.setdefault(ref, {})[name] = None

    def remove(self, name: str, ref: ActorRef[Any]) -> bool:
        """Whether it was there."""
        if ref not in self._refs.get(name, ()):
            return False
        del self._refs[name][ref], self._names[ref][name]
        if not self._refs[name]:
            del self._refs[name]
        if not self._names[ref]:
            del self._names[ref]
        return True

    def under(self, name: str) -> tuple[ActorRef[Any], ...]:
        return tuple(self._refs.get(name, ()))

    def names_of(self, ref: ActorRef[Any]) -> tuple[str, ...]:
        return tuple(self._names.get(ref, ()))


class _Desk:
    """What one receptionist knows."""

    def __init__(self) -> None:
        self._registered = _Entries()
        self._subscribers = _Entries()
        self._changed: dict[str, None] = {}

    def handle(self, ctx: ActorContext[Any], message: Message) -> None:
        match message:
            case Register(key, ref):
                ctx.watch(ref)
                self._registered.add(key.name, ref)
                self._change(ctx, key.name)
            case Deregister(key, ref):
                self._remove(ctx, key.name, ref)
            case Find(key, reply_to):
                reply_to.tell(self._listing(key.name))
            case Subscribe(key, reply_to):
                ctx.watch(reply_to)
                self._subscribers.add(key.name, reply_to)
                reply_to.tell(self._listing(key.name))
            case Terminated(ref):
                for name in self._registered.names_of(ref):
                    self._remove(ctx, name, ref)
                for name in self._subscribers.names_of(ref):
                    self._subscribers.remove(name, ref)
            case Publish():
                self._publish()

    def _remove(self, ctx: ActorContext[Any], name: str, ref: ActorRef[Any]) -> None:
        if self._registered.remove(name, ref):
            self._change(ctx, name)

    def _change(self, ctx: ActorContext[Any], name: str) -> None:
        if not self._changed:
            ctx.self.tell(Publish())
        self._changed[name] = None

    def _publish(self) -> None:
        changed, self._changed = self._changed, {}
        for name in changed:
            subscribers = self._subscribers.under(name)
            listing = self._listing(name) if subscribers else None
            for subscriber in subscribers:
                subscriber.tell(listing)

    def _listing(self, name: str) -> Listing[Any]:
        return Listing(ServiceKey(name), tuple(ServiceInstance(ref, HERE) for ref in self._registered.under(name)))
