"""Which nodes keep copies of replicated shards, as a coordinator learns it, and which copies are to keep each shard.

Nothing here decides what a copy has: views are what copies report, and a promotion finds out the rest.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from casty.member import NodeId

from casty_cluster.protocol.replication.quorum import decides, stores
from casty_cluster.wire.replication import CopyId, Epoch, Group, View
from casty_cluster.wire.sharding import CopyReport, ShardCopies


class Copying(NamedTuple):
    """How a region is replicated, as its nodes have spawned it."""

    replicas: int
    min_acks: int
    spread: str
    """Prefix of the roles in which the nodes of a shard's copies are to differ."""

    @property
    def size(self) -> int:
        """Copies of each shard."""
        return 1 + self.replicas


class CopyGroups:
    """See the module."""

    def __init__(self, gone: Collection[NodeId]) -> None:
        """`gone`: nodes that may be gone at any moment, as these change: what they keep decides on nothing any more."""
        self._gone = gone
        self.settings: Copying | None = None
        """Those of the first node that has reported any, of all that are there; None: the region is not replicated."""
        self._theirs: dict[NodeId, Copying] = {}
        """Those of each node, in the order of the reports."""
        self.bare: dict[NodeId, None] = {}
        """Nodes that have spawned the region without replication."""
        self._unreported: dict[NodeId, None] = {}
        """Nodes that have copies and have not reported all of them."""
        self._on: dict[NodeId, dict[int, CopyId]] = {}
        """The copies on each node that can keep any."""
        self._nodes: dict[CopyId, NodeId] = {}
        self._views: dict[int, View] = {}
        self._plans: dict[int, tuple[NodeId, ...]] = {}
        """The nodes that were chosen for a shard, until its copies take over."""
        self._joining: dict[int, NodeId] = {}
        """A node that is to keep a copy of a shard, so that it can run the shard later."""
        self._invited: dict[NodeId, dict[int, None]] = {}
        """The shards that each node was to keep a copy of for that, and that have not moved there yet."""
        self.slow: set[NodeId] = set()
        """Nodes that were asked to keep a copy and have not reported any."""

    @property
    def nodes(self) -> Collection[NodeId]:
        """Those that can keep copies."""
        return self._on.keys()

    @property
    def shards(self) -> Collection[int]:
        """Those that any copy has a view of."""
        return self._views.keys()

    def learn(self, node: NodeId, copies: tuple[int, int, str] | None, *, able: bool) -> list[str]:
        """Take how a node has spawned the region, if it is able to run shards of it; returns what is wrong with it."""
        if copies is None or not 0 <= copies[1] <= copies[0]:
            if not able or node in self.bare:
                return []
            self.bare[node] = None
            return [] if self.settings is None else [_no_settings(node, self.settings)]
        if node not in self._on:
            self._on[node] = {}
            self._unreported[node] = None
        theirs = self._theirs[node] = Copying(*copies)
        if self.settings is None:
            self.settings = theirs
            return [_no_settings(other, theirs) for other in self.bare]
        return [] if theirs == self.settings else [_other_settings(node, theirs, self.settings)]

    def take(self, node: NodeId, report: CopyReport) -> bool:
        """Returns whether the node has now reported all of its copies, and had not before."""
        if node not in self._on:
            return False
        self.slow.discard(node)
        for state in report.copies:
            self._forget(node, self._on[node].get(state.shard))  # another copy may have taken its place
            self._on[node][state.shard] = state.copy
            self._nodes[state.copy] = node
            if state.view is not None:
                self.know(state.shard, state.view)
        is_new = report.last and node in self._unreported
        if is_new:
            del self._unreported[node]
        return is_new

    def know(self, shard: int, view: View) -> None:
        """A view that keeps the shard, or has."""
        known = self._views.get(shard)
        if known is None or (view.epoch, not view.former) > (known.epoch, not known.former):
            self._views[shard] = view
            self._plans.pop(shard, None)

    def takes_over(self, shard: int, copies: ShardCopies) -> None:
        """The primary of these copies acts: its predecessors are asked no more."""
        before = () if copies.previous is None else copies.previous.forced
        forced = (*before, copies.epoch) if copies.forced else before
        self.know(shard, View(epoch=copies.epoch, copies=copies.copies, min_acks=copies.min_acks, forced=forced))

    def removed(self, node: NodeId) -> None:
        self._theirs.pop(node, None)
        # Nodes that are restarted one after the other change the settings, once none of the old ones is there.
        self.settings = next(iter(self._theirs.values()), self.settings)
        self.bare.pop(node, None)
        self._unreported.pop(node, None)
        self.slow.discard(node)
        self._invited.pop(node, None)
        for copy in self._on.pop(node, {}).values():
            self._forget(node, copy)

    def able(self, nodes: Iterable[NodeId]) -> list[NodeId]:
        """Those of these nodes that may keep copies, in their order."""
        return [node for node in nodes if node in self._on and node not in self.slow]

    @property
    def change(self) -> str:
        """What is to be logged when the settings have changed."""
        assert self.settings is not None, "the region is replicated"
        return (
            f"shards have replicas={self.settings.replicas}, min_acks={self.settings.min_acks}, "
            f"spread={self.settings.spread!r} from now on: no node is there any more that had other settings first"
        )

    def shortage(self, nodes: Collection[NodeId]) -> str:
        """Why no shard can be granted, if these are not enough nodes to keep copies; empty if they are."""
        if self.settings is None or self.are_enough(nodes):
            return ""
        needed = self.settings.min_acks
        return (
            f"min_acks={needed} takes {1 + needed} nodes that run the region, and {len(nodes)} can keep copies: start "
            "more of them"
        )

    def are_enough(self, nodes: Collection[NodeId]) -> bool:
        """Whether a shard can have the copies that it needs on so many nodes."""
        return self.settings is not None and len(nodes) > self.settings.min_acks

    def _forget(self, node: NodeId, copy: CopyId | None) -> None:
        """The copy is not on that node any more; its disk may be in another one by now."""
        if copy is not None and self._nodes.get(copy) == node:
            del self._nodes[copy]

    def has_view(self, shard: int) -> bool:
        """Whether any node has reported which copies keep the shard."""
        return shard in self._views

    @property
    def is_complete(self) -> bool:
        """Whether all nodes have reported all of their copies."""
        return not self._unreported

    @property
    def reported(self) -> set[NodeId]:
        """The nodes that have reported all of their copies."""
        return self._on.keys() - self._unreported.keys()

    def holders(self, shard: int) -> list[NodeId]:
        """The nodes that are there with copies of the newest view, the primary's first."""
        view = self._views.get(shard)
        return [] if view is None else [self._nodes[copy] for copy in view.copies if copy in self._nodes]

    def on(self, node: NodeId) -> Collection[int]:
        """The shards of which the node has copies."""
        return self._on.get(node, {}).keys()

    def moves(self, shard: int, node: NodeId) -> bool:
        """Whether the shard can move to the node now. Else this is to keep a copy first, in place of another one if
        need be.
        """
        if node in self.holders(shard):
            self._invited.get(node, {}).pop(shard, None)
            return True
        self._joining[shard] = node
        self._invited.setdefault(node, {})[shard] = None
        self._plans.pop(shard, None)
        return False

    def invited(self, node: NodeId) -> list[int]:
        """The shards that the node has a copy of by now, so that they can move there."""
        return [shard for shard in self._invited.get(node, ()) if node in self.holders(shard)]

    def forget_plans(self) -> None:
        """Choose anew, among all nodes."""
        self._plans.clear()
        self.slow.clear()

    def plan(
        self, shard: int, first: NodeId, able: Sequence[NodeId], roles: Mapping[NodeId, Sequence[str]]
    ) -> tuple[NodeId, ...]:
        """The nodes that are to keep the shard, the first of them as its primary; fewer where there are not enough.

        `able`: nodes that may keep copies; `roles`: of each of them.
        """
        assert self.settings is not None, "the region is replicated"
        plan = self._plans.get(shard, ())
        is_large = len(plan) >= min(self.settings.size, len(able))
        if plan[:1] != (first,) or not is_large or not all(node in able for node in plan):
            plan = self._plans[shard] = self._chosen(self.settings, shard, first, able, roles)
        return plan

    def _chosen(
        self,
        settings: Copying,
        shard: int,
        first: NodeId,
        able: Sequence[NodeId],
        roles: Mapping[NodeId, Sequence[str]],
    ) -> tuple[NodeId, ...]:
        holders, invited = self.holders(shard), self._joining.pop(shard, None)

        def rank(node: NodeId) -> tuple[bool, bool, bool, int, NodeId]:
            copies = self._on[node]
            return node != invited, node not in holders, shard not in copies, len(copies), node

        others = sorted((node for node in able if node != first), key=rank)
        chosen = [first]
        # First nodes of other places, and those that have the history anyway; then any.
        for strict in (True, False):
            for node in others:
                places = {_place(settings.spread, roles.get(other, ()), other) for other in chosen}
                is_apart = _place(settings.spread, roles.get(node, ()), node) not in places
                is_welcome = is_apart or not strict or node in holders
                if is_welcome and len(chosen) < settings.size and node not in chosen:
                    chosen.append(node)
        return tuple(chosen)

    def missing(self, shard: int, plan: Sequence[NodeId]) -> list[NodeId]:
        """Those of the nodes that have no copy of the shard."""
        return [node for node in plan if shard not in self._on.get(node, {})]

    def group(self, shard: int, plan: Sequence[NodeId], epoch: Epoch, *, forced: bool) -> ShardCopies | None:
        """The copies that are to keep the shard; None: they are too few."""
        assert self.settings is not None, "the region is replicated"
        view, min_acks = self._views.get(shard), self.settings.min_acks
        copies = [self._on[node][shard] for node in plan]
        present = tuple(copies)
        if len(present) <= min_acks:
            return None
        # Copies of nodes that are away keep their places where no other node can take them: they may be back soon.
        for copy in () if view is None or forced else view.copies:
            larger = Group((*copies, copy), min_acks)
            is_away = copy not in self._nodes and len(copies) < self.settings.size
            if is_away and stores(larger, present) and decides(larger, present):
                copies.append(copy)
        return ShardCopies(
            epoch=epoch,
            copies=tuple(copies),
            min_acks=min_acks,
            previous=view,
            forced=forced,
            founders=() if view else tuple(known[shard] for known in self._on.values() if shard in known),
        )

    def is_due(self, shard: int, able: Collection[NodeId]) -> bool:
        """Whether the shard is to be granted anew: other nodes could keep copies that it does not have now, or it has
        the copies of other settings.
        """
        assert self.settings is not None, "the region is replicated"
        view = self._views.get(shard)
        if view is None:
            return False
        holders = self.holders(shard)
        is_small = len(holders) < self.settings.size and any(node not in holders for node in able)
        is_other = len(view.copies) > self.settings.size or view.min_acks != self.settings.min_acks
        return (is_small or is_other) and self.is_movable(shard)

    def is_movable(self, shard: int) -> bool:
        """Whether the copies that are there can decide which ones keep the shard next. While they cannot, its primary
        may still be at work; another one could not follow it.
        """
        view = self._views.get(shard)
        return view is None or decides(_group(view), self._there(view))

    def rests_on(self, leavers: Collection[NodeId], shard: int, others: Collection[NodeId]) -> bool:
        """Whether the shard could not go on without its copies on nodes that leave, and others can take their place."""
        view = self._views.get(shard)
        if view is None:
            return False
        group, there = _group(view), self._there(view)
        staying = [copy for copy in there if self._nodes[copy] not in leavers]
        is_short = len(staying) < len(there) and not (stores(group, staying) and decides(group, staying))
        others = [node for node in others if node not in self.bare and node not in self.slow]
        return is_short and self.are_enough(others) and decides(group, there)

    def _there(self, view: View) -> list[CopyId]:
        nodes = self._nodes
        return [copy for copy in view.copies if copy in nodes and nodes[copy] not in self._gone]


def _group(view: View) -> Group:
    return Group(view.copies, view.min_acks)


def _place(spread: str, roles: Sequence[str], node: NodeId) -> object:
    """What copies are to differ in."""
    return next((role for role in roles if spread and role.startswith(spread)), node)


def _other_settings(node: NodeId, theirs: Copying, ours: Copying) -> str:
    return (
        f"{node} has spawned the region with replicas={theirs.replicas}, min_acks={theirs.min_acks}, "
        f"spread={theirs.spread!r}, and the coordinator goes by replicas={ours.replicas}, min_acks={ours.min_acks}, "
        f"spread={ours.spread!r}, of the first node that has reported; use the same on all nodes"
    )


def _no_settings(node: NodeId, ours: Copying) -> str:
    return (
        f"{node} has spawned the region without replication, and the coordinator goes by replicas={ours.replicas}, "
        f"min_acks={ours.min_acks}, spread={ours.spread!r}: {node} runs no shards; spawn the region with the same "
        "replication on all nodes"
    )
