"""Which shards of a replicated region exist, and which nodes have that on their disks.

Nodes that have none of a shard's copies may form a cluster, such as the first ones to start after all have ended. They
must not take the shard for a new one: its history would begin a second time. So all nodes that can keep copies store
that a shard exists before any of its entities runs for the first time, and a shard that any node names waits for its
copies. The set only grows.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from casty.member import NodeId

CHUNK: Final = 5_000
"""Shards in one message: they take at most 25 KB of the 60 KiB that a control frame holds."""


class Existence:
    """See the module."""

    def __init__(self) -> None:
        self._shards: set[int] = set()
        self._unaware: dict[NodeId, set[int]] = {}
        """By node: the shards that it has not said that it has stored."""
        self._notified: dict[NodeId, set[int]] = {}
        """Those of them that it has been notified of."""

    def __contains__(self, shard: int) -> bool:
        return shard in self._shards

    def joins(self, node: NodeId) -> None:
        if node not in self._unaware:
            self._unaware[node], self._notified[node] = set(self._shards), set()

    def removed(self, node: NodeId) -> None:
        self._unaware.pop(node, None)
        self._notified.pop(node, None)

    def learn(self, shards: Iterable[int]) -> None:
        """These shards exist."""
        added = set(shards) - self._shards
        self._shards |= added
        for unaware in self._unaware.values():
            unaware |= added

    def stored(self, node: NodeId, shards: Iterable[int]) -> None:
        """The node has stored that these shards exist."""
        known = set(shards)
        self.learn(known)
        for missing in (self._unaware, self._notified):
            missing.get(node, set[int]()).difference_update(known)

    def is_awaited(self, node: NodeId) -> bool:
        """Whether the node has been notified of shards that it has not stored yet."""
        return bool(self._notified.get(node))

    def is_known(self, shard: int, nodes: Iterable[NodeId]) -> bool:
        """Whether all of these nodes have it on their disks that the shard exists."""
        return not any(shard in self._unaware[node] for node in nodes)

    def notify(self, nodes: Iterable[NodeId]) -> Iterator[tuple[NodeId, tuple[int, ...]]]:
        """What these nodes are to be notified of. Shards that come while a node is awaited come together after that."""
        for node in nodes:
            if self._unaware[node] and not self._notified[node]:
                shards = tuple(islice(self._unaware[node], CHUNK))
                self._notified[node].update(shards)
                yield node, shards

    def notify_again(self, node: NodeId) -> None:
        """What the node has been notified of may be lost."""
        if node in self._notified:
            self._notified[node].clear()
