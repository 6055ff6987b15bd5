"""The cluster as the shells above a node see it."""

from casty.member import Member, MemberStatus, NodeId
from casty_cluster.node.view import ClusterState

LOCAL, OTHER, STARTED_AGAIN, DOWNED = NodeId("a", 1, 1), NodeId("b", 1, 2), NodeId("b", 1, 3), NodeId("c", 1, 4)


def test_the_others_are_all_members_but_this_one_and_downed_ones_even_two_at_one_address() -> None:
    members = tuple(
        Member(node=node, node_id=f"node-{node.uid}", status=MemberStatus.down if node == DOWNED else MemberStatus.up)
        for node in (LOCAL, OTHER, STARTED_AGAIN, DOWNED)
    )
    state = ClusterState(local=LOCAL, members=members)
    assert state.others == (OTHER, STARTED_AGAIN)
