"""When a node gossips, and with which member."""

from collections import Counter
from dataclasses import replace
from random import Random

from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.rounds import Rounds

NODES = [NodeId("h", 1, uid) for uid in range(1, 6)]
A, B, C, D, E = NODES


def state(*seen: NodeId) -> GossipState:
    founded = GossipState.founded_by(Member(node=A, node_id="a"))
    members = [Member(node=node, node_id=str(node.uid), status=MemberStatus.up) for node in NODES]
    return replace(founded.set(*members), seen=frozenset(seen))


def rounds() -> Rounds:
    return Rounds(1.0, 30.0, Random(0), 0.0)


def partners(state: GossipState) -> Counter[NodeId | None]:
    machine = rounds()
    return Counter(machine.partner(state, A) for _ in range(1_000))


def test_a_round_is_an_interval_once_all_agree_and_a_third_of_it_before() -> None:
    machine = rounds()
    machine.schedule(state(*NODES), 10.0)
    assert 10.9 <= machine.next_deadline() <= 11.1
    machine.schedule(state(A, B, C, D), 10.0)
    assert 10.3 <= machine.next_deadline() <= 10.4


def test_own_changes_are_gossiped_at_once_and_learned_ones_soon() -> None:
    machine = rounds()
    machine.schedule(state(*NODES), 10.0)
    machine.learned(10.0)
    assert machine.next_deadline() <= 10.34
    machine.changed(10.0)
    assert machine.next_deadline() <= 10.05


def test_a_full_round_comes_every_half_minute() -> None:
    machine = rounds()
    machine.schedule(state(*NODES), 29.5)
    assert machine.next_deadline() == 30.0
    assert machine.is_full(30.0)
    assert not machine.is_full(31.0)
    assert machine.is_full(60.0)


def test_members_that_have_not_seen_the_state_come_first() -> None:
    drawn = partners(state(A, B, C))
    assert drawn.keys() == {B, C, D, E}
    assert 850 <= drawn[D] + drawn[E] <= 950, "four times of five, and half of the fifth"


def test_all_members_are_drawn_alike_once_all_have_seen_it() -> None:
    drawn = partners(state(*NODES))
    assert drawn.keys() == {B, C, D, E}
    assert all(200 <= count <= 300 for count in drawn.values())


def test_no_unreachable_or_downed_member_is_drawn() -> None:
    lonely = state(A).observe(A, frozenset({B}))
    lonely = lonely.set(replace(lonely.members[C], status=MemberStatus.down))
    assert partners(lonely).keys() == {D, E}


def test_a_lone_node_has_no_partner() -> None:
    assert rounds().partner(GossipState.founded_by(Member(node=A, node_id="a")), A) is None
