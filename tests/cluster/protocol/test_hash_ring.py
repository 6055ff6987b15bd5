"""Consistent hashing of keys to nodes."""

import subprocess
import sys
from collections import Counter
from typing import Any, cast

import pytest
from casty.cluster import HashRing
from casty.errors import ArgumentError

KEYS = [f"user-{number}" for number in range(5_000)]


def ring(*nodes: str) -> HashRing:
    made = HashRing(virtual_nodes=150)
    for node in nodes:
        made.add_node(node)
    return made


def owners(made: HashRing) -> dict[str, str]:
    return {key: made.get_node(key) for key in KEYS}


def test_keys_are_shared_out_evenly_whatever_the_order_of_the_nodes() -> None:
    placed = owners(ring("a", "b", "c"))
    assert placed == owners(ring("c", "a", "b", "a"))
    counts = Counter(placed.values())
    assert set(counts) == {"a", "b", "c"}
    assert min(counts.values()) > len(KEYS) / 3 * 0.7


def test_a_new_node_takes_its_share_and_moves_no_other_keys() -> None:
    made = ring("a", "b", "c")
    before = owners(made)
    made.add_node("d")
    moved = {key for key, owner in owners(made).items() if owner != before[key]}
    assert {made.get_node(key) for key in moved} == {"d"}
    assert len(KEYS) * 0.15 < len(moved) < len(KEYS) * 0.35
    made.remove_node("d")
    made.remove_node("unknown")
    assert owners(made) == before
    assert made.nodes == ("a", "b", "c")


def test_another_process_agrees() -> None:
    program = "from tests.cluster.protocol.test_hash_ring import ring; print(ring('a', 'b').get_node('user-alice'))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ring("a", "b").get_node("user-alice")


def test_what_is_no_node_or_key_is_refused() -> None:
    wrong: Any
    for wrong in ("", 5, None):
        with pytest.raises(ArgumentError, match="a node of a HashRing is a text"):
            HashRing().add_node(wrong)
        with pytest.raises(ArgumentError, match="a key of a HashRing is a text"):
            ring("a").get_node(wrong if wrong else cast("str", 5))
    with pytest.raises(ArgumentError, match="has no nodes; call add_node first"):
        HashRing().get_node("key")
    with pytest.raises(ArgumentError, match="virtual_nodes of HashRing is a whole number from 1 on"):
        HashRing(virtual_nodes=0)
