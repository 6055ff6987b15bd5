"""Marks of removed members are by incarnation, and bounded."""

from casty.address import PeerAddress
from casty.member import NodeId
from casty_cluster.node.departures import REMEMBERED, Departures

OLD, NEW = NodeId("a", 1, 10), NodeId("a", 1, 11)


def test_an_address_whose_member_was_removed_is_gone_until_a_member_is_there() -> None:
    marks = Departures()
    assert not marks.is_gone(OLD.address)
    marks.members([], [OLD])
    assert marks.is_gone(OLD.address)
    marks.members([NEW], [])
    assert not marks.is_gone(OLD.address)


def test_an_address_is_not_gone_while_another_incarnation_is_connected() -> None:
    for connects_first in (True, False):
        marks = Departures()
        if connects_first:
            marks.connected(NEW)
        marks.members([], [OLD])
        marks.connected(NEW)
        assert not marks.is_gone(OLD.address)
        marks.lost(OLD)
        assert not marks.is_gone(OLD.address), "that was another incarnation's connection"
        marks.lost(NEW)
        assert marks.is_gone(OLD.address)


def test_a_connection_of_the_removed_incarnation_itself_changes_nothing() -> None:
    marks = Departures()
    marks.connected(OLD)
    marks.members([], [OLD])
    assert marks.is_gone(OLD.address)


def test_the_oldest_marks_are_dropped() -> None:
    marks = Departures()
    nodes = [NodeId("a", number, 1) for number in range(1, REMEMBERED + 3)]
    for node in nodes:
        marks.members([], [node])
    assert [marks.is_gone(node.address) for node in (*nodes[:3], nodes[-1])] == [False, False, True, True]
    assert not marks.is_gone(PeerAddress("b", 1))


def test_another_incarnation_replaces_a_member_until_it_is_one() -> None:
    marks = Departures()
    assert not marks.replaces(NEW), "no member was there"
    marks.members([OLD], [])
    assert not marks.replaces(OLD)
    assert marks.replaces(NEW)
    marks.members([NEW], [OLD])
    assert not marks.replaces(NEW)
