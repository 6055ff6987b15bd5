"""The strategies that there are for which node runs each shard: see `casty.spi.allocation`."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from casty.config.kinds import Count
from casty.member import NodeId
from casty.spi.allocation import Move, Regions

from casty_cluster.protocol import hash_ring
from casty_cluster.protocol.hash_ring import VIRTUAL_NODES


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


class HashRing(hash_ring.HashRing):
    """Consistent hashing: where a node joins or leaves, only the shards move that it has or had.

    Each node has `virtual_nodes` points on a ring, by its address, so that a restarted node gets the same shards again.
    As a strategy it keeps the nodes of a region on the ring; for keys of your own, add them with `add_node`.
    """

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        nodes = {str(node.address): node for node in regions}
        for gone in set(self.nodes) - nodes.keys():
            self.remove_node(gone)
        for node in nodes:
            self.add_node(node)
        return nodes[self.get_node(f"shard {shard}")]

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        placed = ((shard, node) for node, shards in regions.items() for shard in shards)
        moves = ((shard, wanted) for shard, node in placed if (wanted := self.allocate(shard, regions)) != node)
        return list(islice(moves, limit))
