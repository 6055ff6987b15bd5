"""Which of two states is the later one: how often each node has changed the state.

Theory of operation. A node that changes the state adds one to its own count, and to no other. Merging two clocks takes
the higher count of each node and adds nothing: a merge that counted as a change would make every exchange of states
news to all members, for ever. After Lamport's and Fidge's clocks; the rule about merging is Riak's and Akka's.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from typing import Self

from casty.member import NodeId


class Order(Enum):
    """How one state stands to another."""

    same = "same"
    before = "before"
    after = "after"
    concurrent = "concurrent"
    """Each has changes that the other lacks."""


@dataclass(frozen=True, slots=True)
class VectorClock:
    """Counts by node; a node without one has changed nothing."""

    counts: Mapping[NodeId, int]

    def increment(self, node: NodeId) -> Self:
        return type(self)({**self.counts, node: self.counts.get(node, 0) + 1})

    def merge(self, other: Self) -> Self:
        if self.counts == other.counts:
            return self
        merged = dict(self.counts)
        for node, count in other.counts.items():
            if count > merged.get(node, 0):
                merged[node] = count
        return type(self)(merged)

    def only(self, nodes: Container[NodeId]) -> Self:
        """Without the counts of all other nodes."""
        if all(node in nodes for node in self.counts):
            return self
        return type(self)({node: count for node, count in self.counts.items() if node in nodes})

    def compare(self, other: Self) -> Order:
        if self.counts == other.counts:
            return Order.same
        ahead = any(count > other.counts.get(node, 0) for node, count in self.counts.items())
        behind = any(count > self.counts.get(node, 0) for node, count in other.counts.items())
        if ahead and behind:
            return Order.concurrent
        return Order.after if ahead else Order.before

    def digest(self) -> int:
        """64 bits that tell this clock from every other one."""
        counts = sorted((node.uid, count) for node, count in self.counts.items())
        return int.from_bytes(blake2b(repr(counts).encode(), digest_size=8).digest())
