"""Which node runs which shard."""

import pytest
from casty.errors import ArgumentError
from casty.member import NodeId
from casty.spi.allocation import AllocationStrategy, Regions
from casty_cluster.protocol.sharding.allocation import HashRing, LeastShards

NODES = [NodeId(f"host{number}", 25520, number) for number in range(1, 6)]


def placed(strategy: AllocationStrategy, shards: int, nodes: list[NodeId]) -> dict[NodeId, list[int]]:
    regions: dict[NodeId, list[int]] = {node: [] for node in nodes}
    for shard in range(shards):
        regions[strategy.allocate(shard, regions)].append(shard)
    return regions


def rebalanced(strategy: AllocationStrategy, regions: Regions, limit: int) -> dict[NodeId, list[int]]:
    after = {node: list(shards) for node, shards in regions.items()}
    moves = strategy.rebalance(regions, limit)
    assert len(moves) <= limit
    for shard, to in moves:
        next(shards for shards in after.values() if shard in shards).remove(shard)
        after[to].append(shard)
    return after


def test_least_shards_first() -> None:
    assert {len(shards) for shards in placed(LeastShards(), 100, NODES).values()} == {20}


def test_the_oldest_of_equals_gets_the_shard() -> None:
    assert LeastShards().allocate(7, {node: [] for node in NODES}) == NODES[0]


def test_a_new_node_gets_its_share_in_rounds() -> None:
    regions = {**placed(LeastShards(), 100, NODES[:4]), NODES[4]: []}
    regions = rebalanced(LeastShards(), regions, 15)
    assert len(regions[NODES[4]]) == 15
    regions = rebalanced(LeastShards(), regions, 15)
    assert {len(shards) for shards in regions.values()} == {20}
    assert LeastShards().rebalance(regions, 15) == []


def test_numbers_that_differ_by_one_are_even_enough() -> None:
    assert LeastShards().rebalance({NODES[0]: [1, 2], NODES[1]: [3]}, 10) == []


def test_the_ring_spreads_shards_and_moves_only_those_of_a_node_that_leaves() -> None:
    before = placed(HashRing(), 1_000, NODES)
    assert all(80 < len(shards) < 350 for shards in before.values())
    after = placed(HashRing(), 1_000, NODES[:4])
    for node in NODES[:4]:
        assert set(before[node]) <= set(after[node])


def test_the_ring_gives_a_restarted_node_its_shards_again() -> None:
    again = [NodeId(node.host, node.port, node.uid + 100) for node in NODES]
    assert list(placed(HashRing(), 100, NODES).values()) == list(placed(HashRing(), 100, again).values())


def test_the_ring_does_not_depend_on_the_order_of_the_nodes() -> None:
    assert placed(HashRing(), 100, NODES) == placed(HashRing(), 100, NODES[::-1])


def test_the_ring_moves_shards_to_a_new_node_in_rounds() -> None:
    strategy = HashRing()
    regions = {**placed(strategy, 100, NODES[:4]), NODES[4]: []}
    wanted = {node: sorted(shards) for node, shards in placed(strategy, 100, NODES).items()}
    rounds = 0
    while {node: sorted(shards) for node, shards in regions.items()} != wanted:
        regions = rebalanced(strategy, regions, 5)
        rounds += 1
    assert rounds == -(-len(wanted[NODES[4]]) // 5)


@pytest.mark.parametrize("virtual_nodes", [0, -1, 1.5, "many", True, None])
def test_a_ring_needs_points(virtual_nodes: int) -> None:
    with pytest.raises(ArgumentError, match="virtual_nodes of HashRing is a whole number from 1 on"):
        HashRing(virtual_nodes)
