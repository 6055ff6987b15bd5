"""What the members of a cluster tell each other: one value, and how two of them are merged.

Theory of operation. Each part of the state only grows, in an order of its own: a member's status moves from joining
towards down, a row of the reachability table is replaced by one with a higher version, a removed node stays removed.
Merging takes the later of each part, so it does not matter which members exchange states, how often and in which order.
The vector clock orders two states. `seen` are the members known to have had exactly this state, so it starts anew when
the state changes. After Akka's `Gossip.scala`.

A removed node leaves a tombstone, and its count in the clock stays for as long. So an old state, which may be under way
or come from a node that was cut off, cannot bring the node back. After `tombstone_seconds` no node has such a state any
more. The moment of a removal is by the clock of the node that holds the state, and travels as an age.

Laws: merging is commutative, associative and idempotent, and the result is before neither of the two. Two states of
one cluster with the same clock have the same members and the same reachability.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from casty.member import Member, MemberStatus, NodeId

from casty_cluster.protocol.membership.reachability import Reachability
from casty_cluster.protocol.membership.vector_clock import Order, VectorClock

RANK: Final = {status: rank for rank, status in enumerate(MemberStatus)}
"""How far a status is from the first one."""

MAX_TOMBSTONES: Final = 512
"""A cluster whose nodes restart more often than every three minutes forgets the oldest of them before their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipState:
    """What one node knows of its cluster."""

    cluster: int
    """Its number: the uid of the node that formed it."""
    members: Mapping[NodeId, Member]
    reachability: Reachability
    clock: VectorClock
    seen: frozenset[NodeId]
    tombstones: Mapping[NodeId, float]
    """When each node was removed."""

    @classmethod
    def founded_by(cls, founder: Member, number: int = 1) -> Self:
        """The state of a cluster of one, which comes up with that number."""
        return cls(
            cluster=founder.node.uid,
            members={founder.node: replace(founder, status=MemberStatus.up, up_number=number)},
            reachability=Reachability({}),
            clock=VectorClock({founder.node: 1}),
            seen=frozenset((founder.node,)),
            tombstones={},
        )

    @property
    def alive(self) -> dict[NodeId, Member]:
        """The members that are not downed."""
        return {node: member for node, member in self.members.items() if member.status is not MemberStatus.down}

    @property
    def unreachable(self) -> frozenset[NodeId]:
        """The members that are not downed, and that at least one such member cannot reach."""
        if not self.reachability.rows:
            return frozenset()
        return frozenset[NodeId]().union(*self.reachability.observations(self.alive).values())

    def is_gone(self, node: NodeId) -> bool:
        """Whether the node was downed or removed, for good."""
        member = self.members.get(node)
        return node in self.tombstones if member is None else member.status is MemberStatus.down

    def downed_since(self, before: Self) -> list[NodeId]:
        """The members that are down now and were not before."""
        if self.members is before.members:
            return []
        down = (node for node, member in self.members.items() if member.status is MemberStatus.down)
        alive = before.alive
        return sorted(node for node in down if node in alive)

    def set(self, *members: Member) -> Self:
        """With these members as given. The caller applies `changed_by` next, as for all changes."""
        return replace(self, members={**self.members, **{member.node: member for member in members}})

    def remove(self, nodes: Collection[NodeId], now: float) -> Self:
        """Without these members, which leave tombstones."""
        return self._without(nodes, {**self.tombstones, **dict.fromkeys(nodes, now)})

    def observe(self, observer: NodeId, unreachable: frozenset[NodeId]) -> Self:
        return replace(self, reachability=self.reachability.observe(observer, unreachable))

    def changed_by(self, node: NodeId) -> Self:
        """As a new state, which no other member has seen. Merging never calls this."""
        return replace(self, clock=self.clock.increment(node), seen=frozenset((node,)))

    def seen_by(self, node: NodeId) -> Self:
        return self if node in self.seen else replace(self, seen=self.seen | {node})

    def merge(self, other: Self) -> Self:
        """The state that holds the news of both. They must be states of one cluster."""
        if self.clock == other.clock and self.tombstones == other.tombstones:
            return self if other.seen <= self.seen else replace(self, seen=self.seen | other.seen)
        merged = replace(
            self,
            members=_merge_members(self.members, other.members),
            reachability=self.reachability.merge(other.reachability),
            clock=self.clock.merge(other.clock),
        )
        tombstones = _merge_tombstones(self.tombstones, other.tombstones)
        merged = merged._without(tombstones, tombstones)
        # Only members that have seen a state with all the news of the other one have seen the merged one.
        latest = [state for state in (self, other) if state.clock.only(merged.clock.counts) == merged.clock]
        seen = frozenset[NodeId]().union(*(state.seen for state in latest))
        return replace(merged, seen=seen & merged.members.keys())

    def forget(self, before: float) -> Self:
        """Without tombstones from before that moment, and without the oldest where there are too many."""
        if len(self.tombstones) <= MAX_TOMBSTONES and all(at > before for at in self.tombstones.values()):
            return self
        latest = sorted(self.tombstones, key=lambda node: (self.tombstones[node], node.uid))[-MAX_TOMBSTONES:]
        kept = {node: self.tombstones[node] for node in latest if self.tombstones[node] > before}
        return self._without((), kept)

    def validate(self, before: Self) -> None:
        """Raises AssertionError if the state cannot be, or cannot have come after the one before."""
        members = self.members.keys()
        assert members.isdisjoint(self.tombstones), "a removed node is a member"
        assert self.clock.counts.keys() <= members | self.tombstones.keys(), "a count of an unknown node"
        assert self.reachability.rows.keys() <= members, "an observer that is no member"
        assert all(row.unreachable <= members for row in self.reachability.rows.values()), "an unreachable stranger"
        assert self.seen <= members, "seen by a stranger"
        numbers = [member.up_number for member in self.alive.values() if member.up_number]
        assert len(set(numbers)) == len(numbers), f"an up_number is given twice: {numbers}"
        for node, was in before.members.items():
            member = self.members.get(node)
            assert member is not None or node in self.tombstones, f"{node} is gone without a trace"
            assert member is None or RANK[member.status] >= RANK[was.status], f"{node} went back to {member.status}"
        order = before.clock.only(self.clock.counts).compare(self.clock)
        assert order in (Order.same, Order.before), "the clock went back"

    def _without(self, nodes: Collection[NodeId], tombstones: Mapping[NodeId, float]) -> Self:
        gone = self.members.keys() & nodes
        members = {node: member for node, member in self.members.items() if node not in gone} if gone else self.members
        return replace(
            self,
            members=members,
            reachability=self.reachability.without(nodes),
            clock=self.clock.only(members.keys() | tombstones.keys()),
            seen=self.seen - gone,
            tombstones=tombstones,
        )


def _merge_members(mine: Mapping[NodeId, Member], theirs: Mapping[NodeId, Member]) -> Mapping[NodeId, Member]:
    merged = dict(mine)
    for node, their in theirs.items():
        my = merged.get(node)
        merged[node] = their if my is None or my == their else _later(my, their)
    return merged


def _later(one: Member, other: Member) -> Member:
    """The member with the later status. Its identity never changes."""
    # Two leaders may have given different numbers while the cluster was partitioned: all members must keep the same.
    number = min(filter(None, (one.up_number, other.up_number)), default=0)
    return replace(one, status=max(one.status, other.status, key=RANK.__getitem__), up_number=number)


def _merge_tombstones(mine: Mapping[NodeId, float], theirs: Mapping[NodeId, float]) -> Mapping[NodeId, float]:
    if not theirs or mine == theirs:
        return mine
    merged = dict(mine)
    for node, at in theirs.items():
        merged[node] = min(at, merged.get(node, at))
    return merged
