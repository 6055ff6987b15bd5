"""Allocation strategies with one fault each."""

from collections.abc import Sequence
from typing import Any, cast, override

from casty.member import NodeId
from casty.spi.allocation import Move, Regions
from casty_cluster import LeastShards


class Mutant(LeastShards):
    """The base of all."""


class InventsANode(Mutant):
    @override
    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return NodeId("10.9.9.9", 1, 1)


class RemembersNodes(Mutant):
    def __init__(self) -> None:
        self._nodes: dict[NodeId, None] = {}

    @override
    def allocate(self, shard: int, regions: Regions) -> NodeId:
        if len(regions) > len(self._nodes):
            self._nodes.update(dict.fromkeys(regions))
        return next(iter(self._nodes))


class TakesTurns(Mutant):
    def __init__(self) -> None:
        self._calls = 0

    @override
    def allocate(self, shard: int, regions: Regions) -> NodeId:
        self._calls += 1
        return list(regions)[self._calls % len(regions)]


class TakesNotes(Mutant):
    @override
    def allocate(self, shard: int, regions: Regions) -> NodeId:
        node = super().allocate(shard, regions)
        cast("dict[NodeId, list[Any]]", regions)[node].append(None)
        return node


class LovesTheOldest(Mutant):
    @override
    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return next(iter(regions))


class IgnoresTheLimit(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return super().rebalance(regions, limit + 1)


class MovesToTheOwner(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return [(shard, node) for node, shards in regions.items() for shard in shards][:limit]


class MovesTwice(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        moves = super().rebalance(regions, max(1, limit // 2))
        return [*moves, *moves]


class NeverRests(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        names = list(regions)
        placed = ((shard, node) for node, shards in regions.items() for shard in shards)
        shard, node = next(placed, (0, names[0]))
        return [(shard, other) for other in names if other != node][:1] if any(regions.values()) else []


class MovesNothing(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return []


class MovesWhatThereIsNot(Mutant):
    @override
    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return super().rebalance(regions, limit) if any(regions.values()) else [(0, next(iter(regions)))]
