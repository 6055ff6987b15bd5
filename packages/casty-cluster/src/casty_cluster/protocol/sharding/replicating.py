"""The coordinator of a region whose shards are replicated: it places copies, and grants a shard to one of them.

Theory of operation. It does what any coordinator does; a grant also names the copies that are to keep the shard, and
the owner's copy becomes their primary (`protocol.replication`) in place of claiming a fence. The epoch of the grant is
that of the primary. Nodes report their copies beside their shards, with the epochs that these have promised and the
views that they know. A shard of which any view is known goes to a node that has a copy of the newest one; which of
these views has taken over, the promotion finds out. A shard is new only where every node has reported, and none knows
it. Copies that are missing are asked for first: they are named by the nodes that create them. Those of a new shard then
store their first view (`FoundShard`), and all nodes that it exists (`existence`); only after that it is granted. So two
first views of one shard, of coordinators that follow each other, are both views of nothing.

Where a node with a copy is gone, or leaves and is needed, and another one can take its place (`successions`), the shard
is handed off to its own node, with other copies: its entities stop for a moment. So it is before it moves to a node
without a copy: the move itself waits for a later round. Shards that exist run without being asked for, as only a
primary catches copies up.

Invariants: those of the coordinator; shards that wait for copies have no owner.
"""

from dataclasses import replace
from typing import Final, override

from casty.member import ClusterState, NodeId
from casty.regions import ShardReason
from casty.spi.allocation import AllocationStrategy

from casty_cluster.protocol.sharding import coordinator
from casty_cluster.protocol.sharding.coordinator import Coordinator, Phase
from casty_cluster.protocol.sharding.copy_groups import CopyGroups
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.existence import Existence
from casty_cluster.protocol.sharding.oldest import present
from casty_cluster.protocol.sharding.placement import REBALANCE_SHARDS
from casty_cluster.protocol.sharding.successions import Successions
from casty_cluster.protocol.sharding.table import Allotment
from casty_cluster.protocol.sharding.waiting import Waiting
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.timeouts import Timeouts, earliest
from casty_cluster.wire.replication import Epoch
from casty_cluster.wire.sharding import (
    CopyReport,
    ForcePromote,
    FoundShard,
    Grant,
    KeepCopy,
    KnowShards,
    Refused,
    Register,
    Report,
    ShardCopies,
    Stopped,
)

KEEP_TIMEOUT: Final = 5.0
"""Seconds that a node has to do what a shard waits for, before the shard goes on without the node."""
AWAY: Final = (
    "it exists, and no node that is there has a copy of it; start its nodes, or, if their disks are gone for good, "
    "accept it with system.force_promote(region, shard, allow_data_loss=True)"
)
STUCK: Final = (
    "those that are there cannot decide without the ones on nodes that are away; start these, or, if their disks are "
    "gone for good, accept it with system.force_promote(region, shard, allow_data_loss=True)"
)


class ReplicatingCoordinator(Coordinator):
    """See the module. Where no node replicates the region, it is a coordinator like any."""

    def __init__(self, local: NodeId, num_shards: int, strategy: AllocationStrategy | None = None) -> None:
        super().__init__(local, num_shards, strategy)
        self._groups = CopyGroups(self._leavers.released)
        self._waiting = Waiting()
        self.placement.reserved = self._waiting.on
        self._asked = Timeouts[tuple[int, NodeId]](KEEP_TIMEOUT)
        """Shards that nodes were asked to have a copy of, or to found."""
        self._existence = Existence()
        self._notified = Timeouts[NodeId](KEEP_TIMEOUT)
        """Nodes that have been notified which shards exist, and have not stored all of it."""
        self._granted: dict[int, ShardCopies] = {}
        self._failing: dict[int, NodeId] = {}
        """The node that has stopped the shard by itself, or has not started it, such as one whose disk fails."""
        self._forced: set[int] = set()
        """Shards that go on with the copies that are there, by an operator's order."""
        self._successions = Successions(self.table, self._census, self._groups)
        self._changed = False
        """Whether shards that wait may have what they wait for."""

    @property
    def is_replicated(self) -> bool:
        return self._groups.settings is not None

    @override
    def next_deadline(self) -> float | None:
        return earliest(super().next_deadline(), self._asked.next(), self._notified.next())

    @override
    def validate(self) -> None:
        super().validate()
        owned = [shard for shard in self._waiting if self.table.get(shard) is not None]
        assert not owned, f"shards {owned} wait for copies and have owners"

    @override
    def _see(self, state: ClusterState, now: float) -> list[coordinator.Effect]:
        members, before = present(state), self._groups.settings
        for node in [node for node in (*self._groups.nodes, *self._groups.bare) if node not in members]:
            self._groups.removed(node)
            self._existence.removed(node)
            self._notified.stop(node)
        self._changed = True
        self._successions.forget_leavers()
        effects = super()._see(state, now)
        is_same = self._groups.settings in (before, None)
        return effects if is_same else [*effects, Warn(self._groups.change, "replication")]

    @override
    def _retire(self) -> list[coordinator.Effect]:
        self._groups, self._existence = CopyGroups(self._leavers.released), Existence()
        self._successions = Successions(self.table, self._census, self._groups)
        for memory in (self._waiting, self._granted, self._failing, self._forced, self._asked, self._notified):
            memory.clear()
        return super()._retire()

    # Reports

    @override
    def _adopt(self, node: NodeId, shard: int, epoch: int, phase: str, now: float) -> None:
        super()._adopt(node, shard, epoch, phase, now)
        self._successions.adopted(shard)

    @override
    def _received(self, node: NodeId, message: coordinator.FromRegion, now: float) -> list[coordinator.Effect]:
        match message:
            case ForcePromote(_, shard):
                return self._force(shard, now)
            case Stopped(shard, epoch) | Refused(shard, epoch):
                entry = self._match(node, shard, epoch)
                has_news = isinstance(message, Refused) and message.held > epoch
                if entry is not None and entry.state is not Allotment.moving and not has_news:
                    self._failing[shard] = node
                return super()._received(node, message, now)
            case CopyReport():
                is_current = message.term == self._term and self._census.serves(node)
                return self._learn_copies(node, message, now) if is_current else []
            case Report() | Register():
                self._changed = True
                self._successions.forget_leavers()
                problems = self._groups.learn(node, message.copies, able=isinstance(message, Register) or message.able)
                if node in self._groups.nodes:
                    self._existence.joins(node)
                return [*(Warn(problem, "replication") for problem in problems), *super()._received(node, message, now)]
            case _:
                return super()._received(node, message, now)

    def _learn_copies(self, node: NodeId, report: CopyReport, now: float) -> list[coordinator.Effect]:
        self._changed = self._changed or report.last or node in self._groups.slow
        is_new = self._groups.take(node, report)
        if is_new and self._groups.is_complete and self.phase is Phase.active:
            self._successions.find()
        self._existence.stored(node, report.known)
        self._existence.learn(state.shard for state in report.copies if state.view is not None)
        if not self._existence.is_awaited(node):
            self._notified.stop(node)
        for state in report.copies:
            self.table.know(state.shard, state.promised.counter)
            self._asked.stop((state.shard, node))
        reported = [state.shard for state in report.copies]
        self._successions.reported(node, reported)
        if not is_new and node in self._groups.reported:
            self._successions.examine(reported)
        shards = reported + [shard for shard in report.known if shard in self._waiting]
        served = [effect for shard in shards for effect in self._serve(shard, now)]
        replaced = self._replace_next(now) if is_new or any(shard in self._successions for shard in shards) else []
        return [*served, *replaced, *self._notify(now)]

    @override
    def _is_wanted(self, shard: int) -> bool:
        return super()._is_wanted(shard) or self._groups.has_view(shard)

    @override
    def _start_acting(self, now: float) -> list[coordinator.Effect]:
        effects = super()._start_acting(now)
        return [*effects, *(effect for shard in list(self._groups.shards) for effect in self._serve(shard, now))]

    @override
    def _started(self, node: NodeId, shard: int, epoch: int, now: float) -> list[coordinator.Effect]:
        copies, entry = self._granted.get(shard), self._match(node, shard, epoch)
        asked: list[coordinator.Effect] = []
        if entry is not None and copies is not None and copies.epoch.counter == epoch:
            del self._granted[shard]
            self._forced.discard(shard)
            self._failing.pop(shard, None)
            self._groups.takes_over(shard, copies)
            self._successions.examine([shard])
        elif entry is not None and entry.state is Allotment.granting and self.is_replicated:
            # An earlier coordinator has granted it, and only its copies know their view: they report it once asked.
            asked = self._ask_for_copies(shard, [node], now)
        return [*super()._started(node, shard, epoch, now), *asked, *self._replace_next(now)]

    # Grants

    @property
    def _able(self) -> list[NodeId]:
        """The nodes that may keep copies, the oldest first."""
        return self._groups.able(self._census.eligible)

    @override
    def _allot(self, shard: int, target: NodeId | None, now: float) -> list[coordinator.Effect]:
        if not self.is_replicated or self.phase is not Phase.active:
            return super()._allot(shard, target, now)
        able = self._able
        holders = [node for node in self._groups.holders(shard) if node in able] or able
        holders = [node for node in holders if node != self._failing.get(shard)] or holders
        warnings: list[Warn] = []
        target = target or self._waiting.get(shard)
        if target not in holders:
            target, warnings = self.placement.choose(shard, among=holders)
        if target is None:
            self._waiting[shard] = None
            return [*warnings]
        return [*warnings, *super()._allot(shard, target, now)]

    @override
    def _grant(self, shard: int, node: NodeId, now: float) -> list[coordinator.Effect]:
        if not self.is_replicated:
            return super()._grant(shard, node, now)
        self._waiting[shard] = node
        is_new = not self._groups.has_view(shard)
        if is_new and not self._may_found(shard):
            return [Warn(f"shard {shard} cannot run: {AWAY}", "away")] if self._is_away(shard) else []
        plan = self._plan(shard, node)
        if missing := self._groups.missing(shard, plan):
            return self._ask_for_copies(shard, missing, now)
        epoch = Epoch(self._next_epoch(shard), self._local.uid)
        copies = self._groups.group(shard, plan, epoch, forced=shard in self._forced)
        if copies is None:
            return []
        if is_new:
            return self._found(shard, node, copies, now)
        if not self._existence.is_known(shard, self._groups.reported & {*self._able}):
            return []
        del self._waiting[shard]
        self._granted[shard] = copies
        return [_with_copies(effect, copies) for effect in super()._grant(shard, node, now)]

    def _plan(self, shard: int, first: NodeId) -> tuple[NodeId, ...]:
        roles = {member.node: member.roles for member in self._census.state.members}
        return self._groups.plan(shard, first, self._able, roles)

    def _ask_for_copies(self, shard: int, nodes: list[NodeId], now: float) -> list[coordinator.Effect]:
        unasked = [node for node in nodes if (shard, node) not in self._asked]
        for node in unasked:
            self._asked.start((shard, node), now)
        return [SendSystem(node, KeepCopy(self._term, shard)) for node in unasked]

    def _may_found(self, shard: int) -> bool:
        """Whether the shard is certain to have no history, or an operator accepts the loss of it."""
        return self._groups.is_complete and (shard not in self._existence or shard in self._forced)

    def _is_away(self, shard: int) -> bool:
        """Whether the shard exists, and no node that is there has any of its copies."""
        return self._groups.is_complete and shard in self._existence and not self._groups.has_view(shard)

    @property
    def obstacles(self) -> dict[int, str]:
        """Shards that are wanted and cannot be granted to any node, or run and cannot be moved, with the reasons."""
        shortage = self._groups.shortage(self._able)
        waiting = {shard: AWAY if self._is_away(shard) else shortage for shard in self._waiting}
        stuck = dict.fromkeys(self._successions.stuck, STUCK)
        return {shard: why for shard, why in (waiting | stuck).items() if why}

    def _found(self, shard: int, node: NodeId, copies: ShardCopies, now: float) -> list[coordinator.Effect]:
        if (shard, node) in self._asked:
            return []
        self._asked.start((shard, node), now)
        self.table.know(shard, copies.epoch.counter)
        return [SendSystem(node, FoundShard(self._term, shard, copies))]

    def _notify(self, now: float) -> list[coordinator.Effect]:
        """Notify nodes of the shards that exist, as far as they have not stored that."""
        if self.phase is not Phase.active:
            return []
        effects: list[coordinator.Effect] = []
        for node, shards in self._existence.notify(sorted(self._groups.reported)):
            self._notified.start(node, now)
            effects.append(SendSystem(node, KnowShards(self._term, shards)))
        return effects

    @override
    def _serve_late(self, now: float) -> list[coordinator.Effect]:
        effects = super()._serve_late(now)
        if self._changed and self.phase is Phase.active:
            self._changed = False
            effects += self._notify(now)
            for shard, target in list(self._waiting.items()):
                if self.table.get(shard) is not None:
                    del self._waiting[shard]
                else:
                    effects += self._allot(shard, target, now)
            if self.is_replicated:
                self._successions.find_leavers()
            effects += self._replace_next(now)
        self._leavers.are_kept = self.is_replicated and self._successions.keep_leavers
        return effects

    def obstacle_to_force(self, shard: int) -> str:
        """Why the copies of a shard cannot be promoted by an operator's order; empty if they can."""
        if self.phase is not Phase.active:
            return f"the coordinator {self._local} is {self.phase.value}"
        if not self.is_replicated:
            return "the region is not replicated"
        if not self._groups.has_view(shard) and shard not in self._existence:
            return f"no node that is there knows shard {shard}"
        return self._groups.shortage(self._able)

    def _force(self, shard: int, now: float) -> list[coordinator.Effect]:
        if self.obstacle_to_force(shard):
            return []
        self._forced.add(shard)
        entry = self.table.get(shard)
        text = f"shard {shard} goes on with the copies that are there, by an operator's order: events may be lost"
        warning = Warn(text, "forced")
        if entry is None:
            return [warning, *self._allot(shard, None, now)]
        is_moving = entry.state is Allotment.moving
        return [warning, *([] if is_moving else self._hand_off(shard, entry.owner, ShardReason.replicated))]

    # Moves

    @override
    def _hand_off(self, shard: int, target: NodeId | None, reason: ShardReason) -> list[coordinator.Effect]:
        if reason is ShardReason.late:
            self._failing[shard] = self.table.entries[shard].owner
        if self.is_replicated and reason is ShardReason.rebalanced and target is not None:
            return self._rebalance_to(target, shard)
        return super()._hand_off(shard, target, reason)

    def _rebalance_to(self, target: NodeId, shard: int) -> list[coordinator.Effect]:
        chosen = self._successions.to_move(shard, target)
        if chosen is None:
            return []
        if self._groups.moves(chosen, target):
            return super()._hand_off(chosen, target, ShardReason.rebalanced)
        return super()._hand_off(chosen, self.table.entries[chosen].owner, ShardReason.replicated)

    @override
    def _tick(self, now: float) -> list[coordinator.Effect]:
        for _, node in list(self._asked.expire(now)):
            self._groups.slow.add(node)
            self._changed = True
        for node in list(self._notified.expire(now)):
            self._existence.notify_again(node)
            self._groups.slow.add(node)
            self._changed = True
        is_round = self._rebalance_at is not None and now >= self._rebalance_at
        effects = super()._tick(now)
        return [*effects, *self._replace_copies(now)] if is_round and self.is_replicated else effects

    def _replace_copies(self, now: float) -> list[coordinator.Effect]:
        """Begin to complete the groups of shards whose copies are gone with their nodes."""
        self._changed = True
        self._groups.forget_plans()
        if self.phase is not Phase.active:
            return []
        self._successions.find()
        warnings: list[coordinator.Effect] = []
        if self._waiting and (shortage := self._groups.shortage(self._able)):
            warnings.append(Warn(f"{len(self._waiting)} shards cannot run: {shortage}", "too few nodes"))
        if stuck := self._successions.stuck:
            warnings.append(Warn(f"{len(stuck)} shards lack copies: {STUCK}", "stuck"))
        return [*warnings, *self._replace_next(now)]

    @property
    def _starting(self) -> int:
        """How many shards are about to start."""
        granted = (self.table.get(shard) for shard in self._granted)
        return sum(entry is not None and entry.state is Allotment.granting for entry in granted)

    def _replace_next(self, now: float) -> list[coordinator.Effect]:
        """Go on with it, for so many shards at a time as may move at a time: each stops for a moment."""
        if self._census.state.unreachable:
            return []
        effects: list[coordinator.Effect] = []
        room = max(0, REBALANCE_SHARDS - len(self.table.moving) - self._starting)
        for shard in self._successions.next(room):
            owner = self.table.entries[shard].owner
            if missing := self._groups.missing(shard, self._plan(shard, owner)):
                effects += self._ask_for_copies(shard, missing, now)
            else:
                self._successions.begins(shard)
                effects += self._hand_off(shard, owner, ShardReason.replicated)
        return effects


def _with_copies(effect: coordinator.Effect, copies: ShardCopies) -> coordinator.Effect:
    match effect:
        case SendSystem(to, Grant() as grant):
            return SendSystem(to, replace(grant, copies=copies))
        case _:
            return effect
