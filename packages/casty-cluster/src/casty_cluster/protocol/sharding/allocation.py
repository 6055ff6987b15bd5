"""The strategies that there are for which node runs each shard: see `casty.spi.allocation`."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Final

from casty.config.kinds import Count
from casty.member import NodeId
from casty.quantities import check_count
from casty.spi.allocation import Move, Regions

VIRTUAL_NODES: Final = 100


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


class LeastShards:
    """Gives each shard to the node with the fewest, and evens out numbers that differ by more than one."""

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return min(regions, key=lambda node: len(regions[node]))

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        numbers = {node: len(shards) for node, shards in regions.items()}
        movable = {node: iter(shards) for node, shards in regions.items()}
        moves: list[Move] = []
        while len(moves) < limit:
            fullest = max(numbers, key=numbers.__getitem__)
            emptiest = min(numbers, key=numbers.__getitem__)
            if numbers[fullest] - numbers[emptiest] < 2:
                break
            moves.append((next(movable[fullest]), emptiest))
            numbers[fullest] -= 1
            numbers[emptiest] += 1
        return moves


@dataclass(frozen=True, slots=True, kw_only=True)
class HashRingOptions:
    virtual_nodes: Count = VIRTUAL_NODES
    """Points of each node on the ring: more spread shards more evenly, and take longer to sort when a node joins."""


class HashRing:
    """Consistent hashing: where a node joins or leaves, only the shards move that it has or had.

    Each node has `virtual_nodes` points on a ring, by its address, so that a restarted node gets the same shards again.
    """

    def __init__(self, virtual_nodes: int = VIRTUAL_NODES) -> None:
        check_count(virtual_nodes, "virtual_nodes of HashRing")
        self.virtual_nodes = virtual_nodes
        self._nodes: tuple[NodeId, ...] = ()
        self._points: list[tuple[int, NodeId]] = []

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        nodes = tuple(sorted(regions))
        if nodes != self._nodes:
            self._nodes = nodes
            points = (
                (_hash(f"{node.address}/{number}"), node) for node in nodes for number in range(self.virtual_nodes)
            )
            self._points = sorted(points)
        place = bisect_left(self._points, _hash(f"shard {shard}"), key=lambda point: point[0])
        return self._points[place % len(self._points)][1]

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        placed = ((shard, node) for node, shards in regions.items() for shard in shards)
        moves = ((shard, wanted) for shard, node in placed if (wanted := self.allocate(shard, regions)) != node)
        return list(islice(moves, limit))
