"""Death watch across nodes, on the watching side: who watches which actor of which node, and when he is told.

Theory of operation. The first watcher of an actor makes this node send `Watch`, the last one that goes `Unwatch`; the
actor's node answers `Stopped`, at once if the actor is not alive. A node that is no member any more takes all its
actors with it. An actor's address does not name its node's incarnation: the member at that address is asked, and its
actors' uids are unlike those of any other incarnation. Where there is no member at the address (yet), the watch waits
`PATIENCE` seconds for one: a member may hear of another's actor before it hears of the other. It waits as well while
two members are at the address: one of them is gone, and it is not known yet which.

Invariants: an actor of a living member is reported only after its node said so; every watcher is told at most once a
watch; nobody watches an actor of a node that is no member and that is not being waited for.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from casty.address import PeerAddress
from casty.errors import ActorFailedError, NodeLostError
from casty.member import NodeId

from casty_cluster.wire.system import Stopped, Unwatch, Watch

PATIENCE: Final = 10.0


class Target(NamedTuple):
    """An actor of another node, as its address names it."""

    address: PeerAddress
    path: str
    uid: int


@dataclass(frozen=True, slots=True)
class SendSystem:
    """To be sent over the link to that incarnation."""

    to: NodeId
    message: Watch | Unwatch


@dataclass(frozen=True, slots=True)
class Deliver:
    """To be delivered to that watcher."""

    watcher: Any
    message: Any
    reason: Exception | None = None
    """The failure that stopped the actor, or the loss of its node."""


type Effect = SendSystem | Deliver


class Watches[W: Hashable]:
    """Whom the actors of one node watch on the others."""

    def __init__(self) -> None:
        self._members: Collection[NodeId] = ()
        self._at: dict[PeerAddress, NodeId] = {}
        """The member at each address, where there is but one."""
        self._watchers: dict[Target, dict[W, Any]] = {}
        """With what each watcher is to be told."""
        self._asked: dict[Target, NodeId] = {}
        self._waiting: dict[Target, float] = {}
        """Until when to wait for a member at the target's address."""

    def watch(self, target: Target, watcher: W, message: Any, now: float) -> list[Effect]:
        """A second watch of the same actor by the same watcher replaces the first one's message."""
        watchers = self._watchers.setdefault(target, {})
        first = not watchers
        watchers[watcher] = message
        return self._ask(target, now) if first else []

    def unwatch(self, target: Target, watcher: W) -> list[Effect]:
        watchers = self._watchers.get(target, {})
        if watcher not in watchers:
            return []
        del watchers[watcher]
        if watchers:
            return []
        node = self._forget(target)
        return [] if node is None else [SendSystem(node, Unwatch(target.path, target.uid))]

    def unwatch_all(self, watcher: W) -> list[Effect]:
        """The watcher has stopped, or begins again."""
        targets = [target for target, watchers in self._watchers.items() if watcher in watchers]
        return [effect for target in targets for effect in self.unwatch(target, watcher)]

    def stopped(self, node: NodeId, stopped: Stopped) -> list[Effect]:
        """That node says that its actor is gone."""
        target = Target(node.address, stopped.path, stopped.uid)
        if self._asked.get(target) != node:
            return []
        reason = None if stopped.reason is None else ActorFailedError(stopped.reason)
        return list(self._report(target, reason))

    def members(self, members: Collection[NodeId], now: float) -> list[Effect]:
        """These are the other members now."""
        self._members = members
        places = Counter(node.address for node in members)
        self._at = {node.address: node for node in members if places[node.address] == 1}
        effects: list[Effect] = []
        for target, node in list(self._asked.items()):
            if node not in members:
                effects += self._report(target, NodeLostError(f"{node} is no member of the cluster any more"))
        for target in [target for target in self._waiting if target.address in self._at]:
            effects += self._ask(target, now)
        return effects

    def out(self, now: float) -> None:
        """This node is no member any more. Nobody is told: the others may live, and what is still watched is asked for
        again where this node is let in.
        """
        self._members, self._at = (), {}
        self._waiting.update(dict.fromkeys(self._asked, now + PATIENCE))
        self._asked.clear()

    def tick(self, now: float) -> list[Effect]:
        """Give up waiting for members that do not come."""
        late = [target for target, until in self._waiting.items() if until <= now]
        return [
            effect
            for target in late
            for effect in self._report(target, NodeLostError(f"no member of the cluster is at {target.address}"))
        ]

    def next_deadline(self) -> float | None:
        return min(self._waiting.values(), default=None)

    def _ask(self, target: Target, now: float) -> list[Effect]:
        node = self._at.get(target.address)
        if node is None:
            self._waiting[target] = now + PATIENCE
            return []
        self._waiting.pop(target, None)
        self._asked[target] = node
        return [SendSystem(node, Watch(target.path, target.uid))]

    def _forget(self, target: Target) -> NodeId | None:
        del self._watchers[target]
        self._waiting.pop(target, None)
        return self._asked.pop(target, None)

    def _report(self, target: Target, reason: Exception | None) -> Iterator[Effect]:
        watchers = self._watchers[target]
        self._forget(target)
        for watcher, final in watchers.items():
            yield Deliver(watcher, final, reason)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self._asked.keys().isdisjoint(self._waiting), "asked and waited for"
        assert self._watchers.keys() == self._asked.keys() | self._waiting.keys(), "a watch that nobody follows"
        assert all(self._watchers.values()), "a target without watchers"
        assert all(node in self._members for node in self._asked.values()), "a watch of a lost node"
