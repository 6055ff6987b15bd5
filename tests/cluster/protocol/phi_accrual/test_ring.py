"""Which nodes a node watches."""

from collections import Counter

from casty.member import NodeId
from casty.testing.conformance.failure_detector.network import node_named
from casty_cluster.protocol.phi_accrual.detector import neighbours, ring_from

NODES = [node_named(number) for number in range(1, 51)]


def others(node: NodeId) -> list[NodeId]:
    return [each for each in NODES if each != node]


def test_each_node_is_watched_by_as_many_others() -> None:
    watched = Counter(subject for node in NODES for subject in neighbours(ring_from(node, others(node)), (), 9))
    assert set(watched.values()) == {9}
    assert len(watched) == len(NODES)


def test_in_a_small_cluster_all_nodes_watch_each_other() -> None:
    assert sorted(neighbours(ring_from(NODES[0], NODES[1:9]), (), 9)) == sorted(NODES[1:9])


def test_behind_dead_neighbours_the_next_ones_are_watched() -> None:
    ring = ring_from(NODES[0], NODES[1:])
    dead = ring[:9]
    assert neighbours(ring, dead, 9) == ring[:18]


def test_a_suspect_is_watched_wherever_it_is() -> None:
    ring = ring_from(NODES[0], NODES[1:])
    assert neighbours(ring, [ring[40]], 9) == [*ring[:9], ring[40]]


def test_the_order_of_the_members_means_nothing() -> None:
    assert ring_from(NODES[3], reversed(others(NODES[3]))) == ring_from(NODES[3], others(NODES[3]))
