"""Casty's allocation strategies pass everything."""

import pytest
from casty.testing.conformance.allocation import AllocationPromises, Check, checks
from casty_cluster import HashRing, LeastShards

ALL = checks(AllocationPromises())


@pytest.mark.parametrize("check", ALL)
def test_least_shards(check: Check) -> None:
    check(LeastShards)


@pytest.mark.parametrize("check", ALL)
def test_hash_ring(check: Check) -> None:
    check(HashRing)


@pytest.mark.parametrize("check", checks(AllocationPromises(spreads=False)))
def test_hash_ring_of_one_point_for_each_node(check: Check) -> None:
    check(lambda: HashRing(virtual_nodes=1))
