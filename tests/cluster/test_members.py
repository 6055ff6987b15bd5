"""A member and its node's id are the same node wherever they are compared."""

from casty import Member, MemberStatus, NodeId

NODE = NodeId("127.0.0.1", 25520, 7)
MEMBER = Member(node=NODE, node_id="n1", status=MemberStatus.up)


def test_a_member_equals_the_id_of_its_node() -> None:
    other = NodeId("127.0.0.1", 25520, 8)
    assert MEMBER == NODE
    assert NODE == MEMBER
    assert other != MEMBER
    assert other != MEMBER
    assert MEMBER in {NODE}
    assert NODE in {MEMBER}
    assert NODE in (MEMBER,)
    assert MEMBER != "n1"


def test_members_are_equal_when_all_that_is_known_of_them_is() -> None:
    assert Member(node=NODE, node_id="n1", status=MemberStatus.up) == MEMBER
    assert Member(node=NODE, node_id="n1", status=MemberStatus.leaving) != MEMBER


def test_a_member_says_where_it_listens() -> None:
    assert (MEMBER.host, MEMBER.port) == NODE.address
