"""The table of members that cannot reach others."""

from casty.member import NodeId
from casty_cluster.protocol.membership.reachability import Observation, Reachability

A, B, C = (NodeId(host, 1, uid) for uid, host in enumerate("abc", 1))
NONE = frozenset[NodeId]()


def test_the_later_row_of_an_observer_wins_whatever_the_order() -> None:
    earlier = Reachability({}).observe(A, frozenset({B, C}))
    later = earlier.observe(A, frozenset({C}))
    assert earlier.merge(later) == later.merge(earlier) == later


def test_rows_of_different_observers_stand_side_by_side() -> None:
    merged = Reachability({}).observe(A, frozenset({C})).merge(Reachability({}).observe(B, frozenset({C})))
    assert merged.observations({A, B, C}) == {A: {C}, B: {C}}


def test_saying_the_same_again_is_no_change() -> None:
    table = Reachability({}).observe(A, frozenset({B}))
    assert table.observe(A, frozenset({B})) is table
    assert Reachability({}).observe(A, NONE).rows == {}


def test_a_node_that_is_reachable_again_is_not_forgotten_to_be() -> None:
    lost = Reachability({}).observe(A, frozenset({B}))
    found = lost.observe(A, NONE)
    assert found.merge(lost).observations({A, B}) == {}


def test_what_is_gone_is_left_out_as_observer_and_as_subject() -> None:
    table = Reachability({}).observe(A, frozenset({B, C})).observe(B, frozenset({A}))
    assert table.without({B}).rows == {A: Observation(1, frozenset({C}))}
    assert table.without({C}).merge(table).without({C}) == table.without({C})


def test_only_the_given_nodes_count_as_observers_and_subjects() -> None:
    table = Reachability({}).observe(A, frozenset({B, C})).observe(B, frozenset({A}))
    assert table.observations({A, C}) == {A: {C}}
