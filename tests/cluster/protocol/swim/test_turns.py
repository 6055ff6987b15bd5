"""The order in which members are probed."""

from random import Random

import pytest
from casty_cluster.protocol.swim.turns import Turns


@pytest.mark.parametrize("seed", range(20))
def test_every_member_has_one_turn_in_any_row_of_turns_as_long_as_there_are_members(seed: int) -> None:
    turns = Turns(Random(seed))
    members = dict.fromkeys(range(1, 8))
    turns.update(members)
    taken = [turns.take() for _ in range(5 * len(members))]
    for start in range(len(taken) - len(members) + 1):
        assert sorted(taken[start : start + len(members)]) == sorted(members)


def test_nodes_probe_in_different_orders() -> None:
    orders: set[tuple[int, ...]] = set()
    for seed in range(20):
        turns = Turns(Random(seed))
        turns.update(dict.fromkeys(range(1, 8)))
        orders.add(tuple(turns))
    assert len(orders) > 15
