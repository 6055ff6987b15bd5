"""Regions of some nodes, and what a strategy makes of them."""

from collections.abc import Sequence
from typing import Final

from casty.member import NodeId
from casty.spi.allocation import AllocationStrategy, Move, Regions
from casty.testing.conformance.expectations import expect

ROUNDS: Final = 1_000
"""After which a strategy that still moves shards is taken to move them for ever."""

type Placed = dict[NodeId, list[int]]
"""The shards of each node, the oldest node first."""


def nodes(count: int) -> list[NodeId]:
    return [NodeId(f"10.0.0.{number}", 25520, number) for number in range(1, count + 1)]


def empty(count: int) -> Placed:
    return {node: [] for node in nodes(count)}


def allocated(strategy: AllocationStrategy, shards: int, regions: Placed) -> Placed:
    """The regions once the strategy has allocated so many shards, one after the other."""
    for shard in range(shards):
        regions[strategy.allocate(shard, regions)].append(shard)
    return regions


def rebalanced(strategy: AllocationStrategy, regions: Placed, limit: int) -> Placed:
    """The regions once the strategy moves nothing any more."""
    for _ in range(ROUNDS):
        moves = list(strategy.rebalance(regions, limit))
        if not moves:
            return regions
        carry_out(moves, regions)
    raise AssertionError(f"after {ROUNDS} rounds of rebalancing, shards still move")


def carry_out(moves: Sequence[Move], regions: Placed) -> None:
    """Raises `AssertionError` for a move that cannot be carried out."""
    for shard, target in moves:
        owner = owner_of(shard, regions)
        expect(target in regions, f"shard {shard} shall move to {target}, which is none of the regions")
        expect(owner != target, f"shard {shard} shall move to {target}, which has it")
        regions[owner].remove(shard)
        regions[target].append(shard)


def owner_of(shard: int, regions: Regions) -> NodeId:
    owner = next((node for node, shards in regions.items() if shard in shards), None)
    if owner is None:
        raise AssertionError(f"shard {shard} shall move, and no node has it")
    return owner
