"""Vector clocks: what is later, and that merging counts nothing."""

from casty.member import NodeId
from casty_cluster.protocol.membership.vector_clock import Order, VectorClock

A, B, C = (NodeId(host, 1, uid) for uid, host in enumerate("abc", 1))


def test_a_change_is_after_what_it_changes() -> None:
    before = VectorClock({A: 1})
    after = before.increment(B)
    assert before.compare(after) is Order.before
    assert after.compare(before) is Order.after
    assert after.compare(VectorClock({B: 1, A: 1})) is Order.same


def test_changes_without_knowledge_of_each_other_are_concurrent() -> None:
    begin = VectorClock({A: 1})
    assert begin.increment(A).compare(begin.increment(B)) is Order.concurrent


def test_merging_counts_nothing() -> None:
    merged = VectorClock({A: 2, B: 1}).merge(VectorClock({B: 3, C: 1}))
    assert merged.counts == {A: 2, B: 3, C: 1}
    assert merged.merge(VectorClock({B: 3})).compare(merged) is Order.same


def test_nodes_can_be_left_out() -> None:
    assert VectorClock({A: 1, B: 2}).only({B}).counts == {B: 2}


def test_digests_do_not_depend_on_the_order_of_counting() -> None:
    assert VectorClock({A: 1, B: 2}).digest() == VectorClock({B: 2, A: 1}).digest()
    assert VectorClock({A: 1, B: 2}).digest() != VectorClock({A: 2, B: 1}).digest()
    assert 0 <= VectorClock({A: 1}).digest() < 2**64
