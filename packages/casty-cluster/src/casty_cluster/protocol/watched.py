"""Death watch across nodes, watched side: observes local actors on behalf of other nodes, and reports their end.

Theory of operation. This node observes an actor while at least one other member watches it. When the actor stops, each
member that watches it gets one `Stopped` per watch. A watch ends with `Unwatch`, with the actor, or with the member.

Invariants: both indexes hold the same watches; an actor is observed exactly while it has a watch.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Any

from casty.member import NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.watching import Members
from casty_cluster.wire.system import Stopped, Watch


@dataclass(frozen=True, slots=True)
class WatchReceived[A: Hashable]:
    """Another member watches an actor; None: this node has no such actor that is alive."""

    node: NodeId
    request: Watch
    actor: A | None


@dataclass(frozen=True, slots=True)
class UnwatchReceived:
    """The member takes that watch back."""

    node: NodeId
    request: Watch


@dataclass(frozen=True, slots=True)
class ActorStopped[A: Hashable]:
    """An observed actor has stopped."""

    actor: A
    reason: str | None
    """The failure that stopped it, if one did."""


type Input[A: Hashable] = WatchReceived[A] | UnwatchReceived | ActorStopped[A] | Members


@dataclass(frozen=True, slots=True)
class Observe:
    """Report the end of this actor by `ActorStopped` from now on."""

    actor: Any


@dataclass(frozen=True, slots=True)
class Ignore:
    """Stop observing this actor."""

    actor: Any


type Effect = SendSystem[Stopped] | Observe | Ignore


class WatchedActors[A: Hashable]:
    """The machine: all watches by other members of actors of this node."""

    def __init__(self) -> None:
        self._watches: dict[A, dict[tuple[NodeId, Watch], None]] = {}
        self._by_node: dict[NodeId, dict[Watch, A]] = {}
        """The same watches by node, so that the end of one does not cost a walk over all."""

    def handle(self, given: Input[A] | Tick, now: float) -> list[Effect]:
        match given:
            case WatchReceived(node, request, actor):
                return self._add(node, request, actor)
            case UnwatchReceived(node, request):
                return self._remove(node, request)
            case ActorStopped(actor, reason):
                return self._report(actor, reason)
            case Members(others):
                return self._keep_only(others)
            case Tick():
                return []

    def next_deadline(self) -> None:
        return None

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        by_actor = {(*watch, actor) for actor, watches in self._watches.items() for watch in watches}
        by_node = {(node, *watch) for node, watches in self._by_node.items() for watch in watches.items()}
        assert by_actor == by_node, "the indexes differ"
        assert all(self._watches.values()), "an actor without a watch is observed"
        assert all(self._by_node.values()), "a node without a watch is kept"

    def _add(self, node: NodeId, request: Watch, actor: A | None) -> list[Effect]:
        if actor is None:
            return [SendSystem(node, Stopped(request.path, request.uid, None))]
        is_first = actor not in self._watches
        self._watches.setdefault(actor, {})[node, request] = None
        self._by_node.setdefault(node, {})[request] = actor
        return [Observe(actor)] if is_first else []

    def _keep_only(self, others: Collection[NodeId]) -> list[Effect]:
        gone = [(node, request) for node in self._by_node if node not in others for request in self._by_node[node]]
        return [effect for node, request in gone for effect in self._remove(node, request)]

    def _remove(self, node: NodeId, request: Watch) -> list[Effect]:
        actor = self._forget(node, request)
        if actor is None:
            return []
        del self._watches[actor][node, request]
        if self._watches[actor]:
            return []
        del self._watches[actor]
        return [Ignore(actor)]

    def _report(self, actor: A, reason: str | None) -> list[Effect]:
        effects: list[Effect] = []
        for node, request in self._watches.pop(actor, {}):
            self._forget(node, request)
            effects.append(SendSystem(node, Stopped(request.path, request.uid, reason)))
        return effects

    def _forget(self, node: NodeId, request: Watch) -> A | None:
        requests = self._by_node.get(node, {})
        actor = requests.pop(request, None)
        if actor is not None and not requests:
            del self._by_node[node]
        return actor
