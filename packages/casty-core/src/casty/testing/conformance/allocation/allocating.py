"""Each shard gets a node, one of those that there are."""

from copy import deepcopy

from casty.testing.conformance.allocation.clusters import allocated, empty, nodes
from casty.testing.conformance.allocation.registry import Checks, CreateStrategy
from casty.testing.conformance.expectations import expect, expect_equal

check = Checks()


@check
def a_shard_goes_to_one_of_the_nodes(create: CreateStrategy) -> None:
    for count in range(1, 6):
        regions, strategy = empty(count), create()
        for shard in range(100):
            node = strategy.allocate(shard, regions)
            expect(node in nodes(count), f"shard {shard} of {count} nodes: {node!r} is none of them")
            regions[node].append(shard)


@check
def a_node_that_has_gone_gets_no_shard(create: CreateStrategy) -> None:
    strategy = create()
    regions = allocated(strategy, 50, empty(4))
    for gone in nodes(4)[:3]:
        lost = regions.pop(gone)
        for shard in lost:
            node = strategy.allocate(shard, regions)
            expect(node in regions, f"{gone} has gone, and shard {shard} goes to {node!r}")
            regions[node].append(shard)


@check
def a_decision_follows_from_the_regions_alone(create: CreateStrategy) -> None:
    used = create()
    allocated(used, 100, empty(5))
    for count in (2, 3, 4):
        for shard in range(20):
            regions = allocated(create(), 20, empty(count))
            expect_equal(
                f"shard {shard} of {count} nodes, beside a new strategy's decision",
                used.allocate(shard, regions),
                create().allocate(shard, regions),
            )


@check
def the_regions_are_left_as_they_are(create: CreateStrategy) -> None:
    strategy = create()
    regions = allocated(strategy, 40, empty(3))
    before = deepcopy(regions)
    strategy.allocate(41, regions)
    strategy.rebalance(regions, 10)
    expect_equal("the regions after the calls", regions, before)


@check.where(lambda promises: promises.spreads)
def shards_are_spread(create: CreateStrategy) -> None:
    regions = allocated(create(), 1_000, empty(5))
    numbers = {str(node): len(shards) for node, shards in regions.items()}
    expect(max(numbers.values()) <= 400, f"of 1,000 shards and five nodes, one has more than 400: {numbers}")
