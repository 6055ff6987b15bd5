"""Shards that lack copies before they can be granted, and the nodes that are to run them."""

from collections.abc import Collection, Iterator, MutableMapping
from typing import final, override

from casty.member import NodeId


@final
class Waiting(MutableMapping[int, NodeId | None]):
    """By shard, the node that gets it; None: no node is there that could. Also by node, without looking at all."""

    def __init__(self) -> None:
        self._targets: dict[int, NodeId | None] = {}
        self._on: dict[NodeId | None, dict[int, None]] = {}

    def on(self, node: NodeId) -> Collection[int]:
        """Those that are to run there."""
        return self._on.get(node, {}).keys()

    @override
    def __getitem__(self, shard: int) -> NodeId | None:
        return self._targets[shard]

    @override
    def __setitem__(self, shard: int, node: NodeId | None) -> None:
        if shard in self._targets:
            del self[shard]
        self._targets[shard] = node
        self._on.setdefault(node, {})[shard] = None

    @override
    def __delitem__(self, shard: int) -> None:
        node = self._targets.pop(shard)
        del self._on[node][shard]
        if not self._on[node]:
            del self._on[node]

    @override
    def __iter__(self) -> Iterator[int]:
        return iter(self._targets)

    @override
    def __len__(self) -> int:
        return len(self._targets)
