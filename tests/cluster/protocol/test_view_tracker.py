"""From the membership's reports to the view of the node."""

from casty.member import ClusterState, Member, MemberStatus, NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership.effects import MembersChanged
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.view_tracker import (
    Effect,
    KeepLinks,
    MarkDepartures,
    RepeatTo,
    Retire,
    RetiringReceived,
    ShowView,
    ViewTracker,
)
from casty_cluster.wire.system import Retiring

A, B, C = (NodeId(host, 1, uid) for uid, host in enumerate("abc", 1))


def member(node: NodeId, status: MemberStatus = MemberStatus.up) -> Member:
    return Member(node=node, node_id=node.host, status=status, up_number=node.uid)


def changed(*members: Member) -> MembersChanged:
    return MembersChanged(members=members, unreachable=frozenset(), leader=A)


def view(effects: list[Effect]) -> ClusterState:
    [shown] = [effect.view for effect in effects if isinstance(effect, ShowView)]
    assert isinstance(effects[-1], ShowView), "the rest of the node gets the view when everything else is done"
    return shown


def tracking(*members: Member) -> ViewTracker:
    tracker = ViewTracker(A)
    tracker.handle(changed(*members), 0.0)
    tracker.validate()
    return tracker


def test_the_view_shows_what_the_membership_reports() -> None:
    tracker = ViewTracker(A)
    members = (member(A), member(B, MemberStatus.joining))
    effects = tracker.handle(changed(*members), 0.0)
    assert view(effects) == ClusterState(local=A, members=members, leader=A)
    assert KeepLinks(A, (B,)) in effects
    assert not any(isinstance(effect, SendSystem) for effect in effects), "this node does not retire"
    tracker.validate()


def test_messages_to_members_that_were_removed_or_downed_fail_at_once() -> None:
    tracker = tracking(member(A), member(B), member(C))
    effects = tracker.handle(changed(member(A), member(B, MemberStatus.down)), 1.0)
    assert effects[:2] == [MarkDepartures(frozenset((A,)), frozenset((B, C))), KeepLinks(A, ())]


def test_system_messages_are_repeated_to_members_that_have_come_up() -> None:
    """Until both know each other, what one sends may not be listened to."""
    joining = member(B, MemberStatus.joining)
    tracker = tracking(member(A), joining, member(C))
    effects = tracker.handle(changed(member(A), member(B), member(C)), 1.0)
    assert [effect for effect in effects if isinstance(effect, RepeatTo)] == [RepeatTo(B)]
    effects = tracker.handle(changed(member(A), member(B)), 2.0)
    assert not any(isinstance(effect, RepeatTo) for effect in effects)


def test_system_messages_are_repeated_to_all_once_this_node_has_come_up() -> None:
    tracker = tracking(member(A, MemberStatus.joining), member(B), member(C))
    effects = tracker.handle(changed(member(A), member(B), member(C)), 1.0)
    assert [effect for effect in effects if isinstance(effect, RepeatTo)] == [RepeatTo(B), RepeatTo(C)]


def test_a_node_that_retires_announces_it_to_every_member_and_to_those_that_come_later() -> None:
    tracker = tracking(member(A), member(B))
    shown, *sent = tracker.handle(Retire(), 1.0)
    assert isinstance(shown, ShowView)
    assert shown.view.retiring == {A}
    assert sent == [SendSystem(B, Retiring(A.uid))]
    effects = tracker.handle(changed(member(A), member(B), member(C, MemberStatus.joining)), 2.0)
    assert [effect for effect in effects if isinstance(effect, SendSystem)] == [SendSystem(C, Retiring(A.uid))]
    assert view(effects).retiring == {A}
    tracker.validate()


def test_a_member_that_retires_is_shown_until_it_is_none_any_more() -> None:
    tracker = tracking(member(A), member(B))
    assert view(tracker.handle(RetiringReceived(B), 1.0)).retiring == {B}
    assert view(tracker.handle(changed(member(A), member(B, MemberStatus.leaving)), 2.0)).retiring == {B}
    assert view(tracker.handle(changed(member(A)), 3.0)).retiring == set()
    tracker.validate()


def test_a_node_that_is_no_member_here_does_not_retire() -> None:
    tracker = ViewTracker(A)
    assert tracker.handle(Retire(), 0.0) == []
    assert tracker.handle(RetiringReceived(B), 0.0) == []
    tracker.handle(changed(member(A), member(B, MemberStatus.down)), 1.0)
    assert tracker.handle(RetiringReceived(B), 1.0) == []
    assert tracker.handle(RetiringReceived(C._replace(uid=9)), 1.0) == []
    assert (tracker.handle(Tick(), 1.0), tracker.next_deadline()) == ([], None)
    tracker.validate()
