"""Shards move within the limit, to other nodes that there are, and come to rest."""

from casty.testing.conformance.allocation.clusters import (
    Placed,
    allocated,
    carry_out,
    empty,
    nodes,
    rebalanced,
)
from casty.testing.conformance.allocation.registry import Checks, CreateStrategy
from casty.testing.conformance.expectations import expect

check = Checks()


def lopsided(count: int, shards: int) -> Placed:
    """All shards on the first node."""
    regions = empty(count)
    regions[nodes(count)[0]].extend(range(shards))
    return regions


@check
def no_more_shards_move_than_may(create: CreateStrategy) -> None:
    for limit in (1, 3, 20):
        moves = list(create().rebalance(lopsided(4, 100), limit))
        expect(len(moves) <= limit, f"{len(moves)} shards shall move, and {limit} may")


@check
def moves_can_be_carried_out_one_after_the_other(create: CreateStrategy) -> None:
    for count in range(1, 6):
        regions = lopsided(count, 60)
        moves = list(create().rebalance(regions, 20))
        moved = [shard for shard, _ in moves]
        expect(len(set(moved)) == len(moved), f"a shard moves twice in one round: {moves}")
        carry_out(moves, regions)


@check
def rebalancing_comes_to_rest(create: CreateStrategy) -> None:
    for count in range(1, 6):
        strategy = create()
        rebalanced(strategy, lopsided(count, 60), 5)
        rebalanced(strategy, allocated(strategy, 60, empty(count)), 5)


@check
def regions_without_shards_are_left_alone(create: CreateStrategy) -> None:
    moves = list(create().rebalance(empty(3), 10))
    expect(not moves, f"no node has a shard, and these shall move: {moves}")


@check.where(lambda promises: promises.uses_newcomers)
def a_newcomer_gets_shards(create: CreateStrategy) -> None:
    strategy = create()
    regions = allocated(strategy, 100, empty(3))
    newcomer = nodes(4)[3]
    regions[newcomer] = []
    rebalanced(strategy, regions, 10)
    expect(bool(regions[newcomer]), f"{newcomer} has joined, and of 100 shards none has moved there")
