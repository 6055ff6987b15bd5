"""Who can be found where, on every node alike."""

import pytest
from casty.member import NodeId
from casty_cluster.protocol.registry import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_ENTRY,
    Effect,
    ListingChanged,
    Registry,
    SendChange,
)
from casty_cluster.wire import codec, frames

A, B, C = (NodeId("n", port, port) for port in (1, 2, 3))


class Net:
    """Registries whose changes arrive at once."""

    def __init__(self, *nodes: NodeId) -> None:
        self.nodes = {node: Registry(node) for node in nodes}
        self.announced: list[tuple[NodeId, str]] = []

    def do(self, node: NodeId, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendChange(to, change):
                    self.do(to, self.nodes[to].changed(node, change))
                case ListingChanged(key):
                    self.announced.append((node, key))
        self.nodes[node].validate()

    def meet(self, *present: NodeId) -> None:
        for node in present:
            self.do(node, self.nodes[node].members([other for other in present if other != node]))


def test_what_is_added_anywhere_is_found_everywhere_own_first() -> None:
    net = Net(A, B)
    net.meet(A, B)
    net.do(A, net.nodes[A].add("k", "a1"))
    net.do(B, net.nodes[B].add("k", "b1"))
    assert net.nodes[A].find("k") == [(A, "a1"), (B, "b1")]
    assert net.nodes[B].find("k") == [(B, "b1"), (A, "a1")]
    assert net.nodes[B].find("other") == []


def test_what_is_removed_is_found_nowhere() -> None:
    net = Net(A, B, C)
    net.meet(A, B, C)
    net.do(A, net.nodes[A].add("k", "a1"))
    net.announced.clear()
    net.do(A, net.nodes[A].remove("k", "a1"))
    assert [net.nodes[node].find("k") for node in (A, B, C)] == [[], [], []]
    assert net.announced == [(A, "k"), (B, "k"), (C, "k")]
    assert net.nodes[A].remove("k", "a1") == []


def test_a_newcomer_learns_all_there_is() -> None:
    net = Net(A, B)
    for number in range(1_000):
        net.do(A, net.nodes[A].add("k", f"a{number}"))
    net.meet(A, B)
    assert len(net.nodes[B].find("k")) == 1_000


def test_what_a_newcomer_is_told_fits_into_frames_however_long_the_addresses_are() -> None:
    registry = Registry(A)
    longest = (MAX_ENTRY - 100) // 2
    for number in range(100):
        registry.add("é" * (longest // 2), f"{number:0{longest}}")
    changes = [effect.change for effect in registry.members([B]) if isinstance(effect, SendChange)]
    assert len(changes) > 100 * longest / MAX_BYTES
    assert all(codec.encode(frames.SYSTEM, change) for change in changes)
    assert len({entry for change in changes for entry in change.added}) == 100


def test_an_entry_that_fits_into_no_frame_is_refused() -> None:
    registry = Registry(A)
    with pytest.raises(ValueError, match="at most"):
        registry.add("k" * MAX_ENTRY, "a")
    assert registry.find("k" * MAX_ENTRY) == []


def test_a_lost_member_takes_its_entries_with_it_and_whoever_listens_is_told() -> None:
    net = Net(A, B)
    net.meet(A, B)
    net.do(B, net.nodes[B].add("k", "b1"))
    net.announced.clear()
    net.do(A, net.nodes[A].members([]))
    assert net.nodes[A].find("k") == []
    assert net.announced == [(A, "k")]


def test_entries_that_arrive_before_their_node_is_known_are_kept() -> None:
    net = Net(A, B)
    net.do(B, net.nodes[B].members([A]))
    net.do(B, net.nodes[B].add("k", "b1"))
    net.do(A, net.nodes[A].members([B]))
    assert net.nodes[A].find("k") == [(B, "b1")]


def test_a_node_takes_only_so_many_entries_of_itself_and_of_another() -> None:
    registry = Registry(A)
    for number in range(MAX_ENTRIES):
        registry.add("k", f"a{number}")
    with pytest.raises(ValueError, match="most"):
        registry.add("k", "one too many")
    registry.validate()
