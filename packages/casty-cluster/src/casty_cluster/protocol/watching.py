"""Death watch across nodes, watching side: asks the nodes of watched actors, and notifies the watchers on this node.

Theory of operation. The first watcher of an actor makes this node send `Watch`, the last one that leaves makes it send
`Unwatch`. The actor's node replies `Stopped`, at once if the actor is not alive. All actors of a removed member count
as stopped. An actor's address does not name its node's incarnation: the member at that address is asked, and no two
incarnations have actors of one uid. Where no member is at the address, the watch waits `PATIENCE` seconds for one: this
node may learn of an actor before it learns of the actor's node. The watch waits as well while two members are at the
address: one of them has ended, and it is not known yet which.

Invariants: an actor of a member is reported only after its node has replied; each watch is notified at most once; the
node of each watched actor is a member or is being waited for; both indexes hold the same watches.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from casty.address import PeerAddress
from casty.errors import ActorFailedError, NodeLostError
from casty.member import NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import Timeouts
from casty_cluster.wire.system import Stopped, Unwatch, Watch

PATIENCE: Final = 10.0


class Target(NamedTuple):
    """An actor of another node, as its address names it."""

    address: PeerAddress
    path: str
    uid: int


@dataclass(frozen=True, slots=True)
class AddWatch[W: Hashable]:
    """An actor of this node watches `target`. A second watch of the same actor replaces the first one's notice."""

    target: Target
    watcher: W
    notice: Any


@dataclass(frozen=True, slots=True)
class RemoveWatch[W: Hashable]:
    """The watcher no longer watches `target`."""

    target: Target
    watcher: W


@dataclass(frozen=True, slots=True)
class RemoveWatcher[W: Hashable]:
    """The watcher has stopped or restarted, and watches no actor any more."""

    watcher: W


@dataclass(frozen=True, slots=True)
class StoppedReceived:
    """The node of an actor reports that it has stopped."""

    node: NodeId
    stopped: Stopped


@dataclass(frozen=True, slots=True)
class Members:
    """These are the other members now."""

    others: Collection[NodeId]


@dataclass(frozen=True, slots=True)
class Out:
    """This node is no longer a member of its cluster."""


type Input[W: Hashable] = AddWatch[W] | RemoveWatch[W] | RemoveWatcher[W] | StoppedReceived | Members | Out


@dataclass(frozen=True, slots=True)
class Notify:
    """Deliver the notice to its watcher."""

    watcher: Any
    notice: Any
    reason: Exception | None = None
    """The failure that stopped the actor, or the loss of its node."""


type Effect = SendSystem[Watch | Unwatch] | Notify


class Watches[W: Hashable]:
    """The machine: all watches by actors of one node of actors of other nodes."""

    def __init__(self) -> None:
        self._members: Collection[NodeId] = ()
        self._at: dict[PeerAddress, NodeId] = {}
        """The member at each address that only one member has."""
        self._watchers: dict[Target, dict[W, Any]] = {}
        """The watchers of each actor, with their notices."""
        self._targets: dict[W, dict[Target, None]] = {}
        """What each of them watches, so that the end of a watcher does not cost a walk over all watches."""
        self._asked: dict[Target, NodeId] = {}
        self._waiting = Timeouts[Target](PATIENCE)
        """Targets at whose address there is no member."""

    def handle(self, given: Input[W] | Tick, now: float) -> list[Effect]:
        match given:
            case AddWatch(target, watcher, notice):
                watchers = self._watchers.setdefault(target, {})
                is_first = not watchers
                watchers[watcher] = notice
                self._targets.setdefault(watcher, {})[target] = None
                return self._ask(target, now) if is_first else []
            case RemoveWatch(target, watcher):
                return self._remove(target, watcher)
            case RemoveWatcher(watcher):
                targets = list(self._targets.get(watcher, ()))
                return [effect for target in targets for effect in self._remove(target, watcher)]
            case StoppedReceived(node, stopped):
                return self._stopped(node, stopped)
            case Members(others):
                return self._members_changed(others, now)
            case Out():
                self._out(now)
                return []
            case Tick():
                return self._expire(now)

    def next_deadline(self) -> float | None:
        return self._waiting.next()

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self._asked.keys().isdisjoint(self._waiting), "a target is both asked and waited for"
        assert self._watchers.keys() == self._asked.keys() | set(self._waiting), "a watch is not followed up"
        assert all(self._watchers.values()), "a target has no watchers"
        by_target = {(target, watcher) for target, watchers in self._watchers.items() for watcher in watchers}
        by_watcher = {(target, watcher) for watcher, targets in self._targets.items() for target in targets}
        assert by_target == by_watcher, "the indexes differ"
        assert all(self._targets.values()), "a watcher without a target is kept"
        assert all(node in self._members for node in self._asked.values()), "a removed node is still asked"

    def _remove(self, target: Target, watcher: W) -> list[Effect]:
        watchers = self._watchers.get(target, {})
        if watcher not in watchers:
            return []
        del watchers[watcher]
        self._unlink(watcher, target)
        if watchers:
            return []
        node = self._forget(target)
        return [] if node is None else [SendSystem(node, Unwatch(target.path, target.uid))]

    def _stopped(self, node: NodeId, stopped: Stopped) -> list[Effect]:
        target = Target(node.address, stopped.path, stopped.uid)
        # Only the incarnation that was asked knows. Another one at the address would report all actors as stopped.
        if self._asked.get(target) != node:
            return []
        reason = None if stopped.reason is None else ActorFailedError(stopped.reason)
        return list(self._report(target, reason))

    def _members_changed(self, others: Collection[NodeId], now: float) -> list[Effect]:
        self._members = others
        places = Counter(node.address for node in others)
        self._at = {node.address: node for node in others if places[node.address] == 1}
        effects: list[Effect] = []
        for target, node in list(self._asked.items()):
            if node not in others:
                effects += self._report(target, NodeLostError(f"{node} is no member of the cluster any more"))
        for target in [target for target in self._waiting if target.address in self._at]:
            effects += self._ask(target, now)
        return effects

    def _out(self, now: float) -> None:
        # No watcher is notified: the other nodes may be alive. The next incarnation asks them again.
        self._members, self._at = (), {}
        for target in self._asked:
            self._waiting.start(target, now)
        self._asked.clear()

    def _expire(self, now: float) -> list[Effect]:
        return [
            effect
            for target in list(self._waiting.expire(now))
            for effect in self._report(target, NodeLostError(f"no member of the cluster is at {target.address}"))
        ]

    def _ask(self, target: Target, now: float) -> list[Effect]:
        node = self._at.get(target.address)
        if node is None:
            self._waiting.start(target, now)
            return []
        self._waiting.stop(target)
        self._asked[target] = node
        return [SendSystem(node, Watch(target.path, target.uid))]

    def _unlink(self, watcher: W, target: Target) -> None:
        targets = self._targets[watcher]
        del targets[target]
        if not targets:
            del self._targets[watcher]

    def _forget(self, target: Target) -> NodeId | None:
        for watcher in self._watchers.pop(target):
            self._unlink(watcher, target)
        self._waiting.stop(target)
        return self._asked.pop(target, None)

    def _report(self, target: Target, reason: Exception | None) -> Iterator[Effect]:
        watchers = self._watchers[target]
        self._forget(target)
        for watcher, notice in watchers.items():
            yield Notify(watcher, notice, reason)
