"""Joining or forming a cluster, message by message. Whole clusters start in `test_starting`."""

from itertools import pairwise
from random import Random

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure
from casty_cluster.protocol.membership.joining import (
    FormCluster,
    JoinProcess,
    JoinThrough,
    ProbeAll,
    Reject,
    ReportDelay,
    Step,
)
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.wire.membership import Presence, Refusal

A, B, C = (PeerAddress(f"10.0.0.{number}", 25520) for number in (1, 2, 3))
NODE_B, NODE_C = NodeId(*B, 2), NodeId(*C, 3)


def joining(local: PeerAddress, *seeds: PeerAddress, contacts: tuple[PeerAddress, ...] = ()) -> JoinProcess:
    return JoinProcess(local, MembershipSettings(system="bank", seeds=seeds, contacts=contacts), Random(0))


def looking(*seed_set: PeerAddress) -> Presence:
    return Presence("bank", 0, 0, tuple(sorted(seed_set)))


def member(*seed_set: PeerAddress) -> Presence:
    return Presence("bank", 7, 3, tuple(sorted(seed_set)))


def run(machine: JoinProcess, until: float) -> list[tuple[float, Step]]:
    """What it does as time passes, from the start at 0."""
    steps = [(0.0, step) for step in machine.start(0.0)]
    while (now := machine.next_deadline()) <= until and not any(isinstance(step, FormCluster) for _, step in steps):
        steps += [(now, step) for step in machine.tick(now)]
    return steps


def test_without_seeds_it_begins_at_once() -> None:
    assert joining(A).start(0.0) == [FormCluster()]
    assert joining(A, A).start(0.0) == [FormCluster()]


def test_one_that_was_in_a_cluster_before_looks_there_first() -> None:
    machine = joining(A, contacts=(A, B, C))
    assert machine.start(0.0) == [ProbeAll((B, C))]
    assert machine.hear(NODE_B, looking(B), 0.1) == []
    assert machine.hear(NODE_B, member(B), 0.2) == [JoinThrough(NODE_B)]


def test_and_never_begins_another_while_the_others_may_go_on() -> None:
    assert not any(isinstance(step, FormCluster) for _, step in run(joining(A, A, B, contacts=(B, C)), 60.0))


def heard(machine: JoinProcess, at: float, *presences: tuple[NodeId, Presence]) -> bool:
    """Whether it begins a cluster on hearing these."""
    steps = [machine.hear(node, presence, at) for node, presence in presences]
    return [FormCluster()] in steps


def test_the_lowest_of_a_lost_cluster_begins_once_all_of_it_look_for_one() -> None:
    lost = (NODE_B, looking(A, B, C)), (NODE_C, looking(C))
    machine = joining(A, A, B, C, contacts=(B, C))
    machine.start(0.0)
    assert not heard(machine, 0.1, *lost)
    assert heard(machine, 1.2, *lost), "whatever seed nodes they name"
    other = joining(B, A, B, C, contacts=(A, C))
    other.start(0.0)
    assert not any(heard(other, float(at), (NodeId(*A, 1), looking(A, B, C)), lost[1]) for at in range(20))


def test_a_node_that_was_joining_before_the_others_did_may_be_in_a_cluster_by_now() -> None:
    machine = joining(A, contacts=(B, C))
    machine.start(0.0)
    machine.hear(NODE_B, looking(B), 0.1)
    assert not heard(machine, 1.0, (NODE_C, looking(C)))
    assert not heard(machine, 2.0, (NODE_C, looking(C)))
    assert heard(machine, 2.1, (NODE_B, looking(B)))


def test_another_incarnation_has_not_looked_for_one_as_long() -> None:
    machine = joining(A, contacts=(B,))
    machine.start(0.0)
    machine.hear(NODE_B, looking(B), 0.1)
    again = NodeId(*B, 22)
    assert not heard(machine, 2.0, (again, looking(B)))
    assert heard(machine, 3.0, (again, looking(B)))


def test_the_former_peers_of_former_peers_count_as_well() -> None:
    """B was downed later than A, by a cluster that C had joined."""
    machine = joining(A, contacts=(B,))
    machine.start(0.0)
    later = NODE_B, Presence("bank", 0, 0, (B,), awaited=(A, C))
    assert not any(heard(machine, float(at), later) for at in range(10))
    assert not heard(machine, 10.0, (NODE_C, looking(C)))
    assert heard(machine, 11.0, (NODE_C, looking(C)), later)


def test_a_lower_one_that_looks_for_a_cluster_goes_first_but_not_for_ever() -> None:
    machine = joining(B, contacts=(C,))
    machine.start(0.0)
    machine.hear(NODE_C, looking(C), 1.0)
    machine.hear(NodeId(*A, 1), looking(A), 4.8)
    assert not heard(machine, 4.9, (NODE_C, looking(C)))
    assert heard(machine, 5.0, (NODE_C, looking(C)))


def test_it_reports_what_a_downed_node_waits_for() -> None:
    (reason,) = reasons(joining(A, contacts=(B, C)))
    assert "no answer from 10.0.0.2:25520, 10.0.0.3:25520" in reason
    assert "restart this process if they are gone for good" in reason


def test_of_many_places_a_few_are_probed_at_a_time_and_all_in_turn() -> None:
    places = tuple(PeerAddress("10.0.1.1", port) for port in range(100))
    probes = [step for _, step in run(joining(A, B, contacts=places), 30.0) if isinstance(step, ProbeAll)]
    assert {len(probe.addresses) for probe in probes} == {6}
    assert {address for probe in probes[:20] for address in probe.addresses} == {B, *places}


def test_it_probes_often_at_first_and_then_once_a_second() -> None:
    probes = [now for now, step in run(joining(B, A, C), 20.0) if step == ProbeAll((A, C))]
    gaps = [later - earlier for earlier, later in pairwise(probes)]
    assert probes[0] == 0.0
    assert 0.16 <= gaps[0] <= 0.24
    assert all(0.8 <= gap <= 1.2 for gap in gaps[6:])


def test_it_joins_through_the_first_member_that_answers_and_asks_one_at_a_time() -> None:
    machine = joining(A, B, C)
    machine.start(0.0)
    assert machine.hear(NODE_B, member(A, B, C), 0.1) == [JoinThrough(NODE_B)]
    assert machine.hear(NODE_C, member(A, B, C), 0.2) == []
    assert machine.hear(NODE_C, member(A, B, C), 1.2) == [JoinThrough(NODE_C)]


def test_after_a_refusal_another_member_is_asked() -> None:
    machine = joining(A, B, C)
    machine.start(0.0)
    machine.hear(NODE_B, member(A, B, C), 0.1)
    assert not machine.refused(Refusal(1, "the cluster is full", final=False), 0.2)
    assert machine.hear(NODE_C, member(A, B, C), 0.2) == [JoinThrough(NODE_C)]


def test_the_lowest_of_a_circle_begins_once_all_others_look_too() -> None:
    machine = joining(A, B, C)
    machine.start(0.0)
    assert machine.hear(NODE_B, looking(A, B, C), 0.1) == []
    assert machine.hear(NODE_C, looking(A, B, C), 0.1) == [FormCluster()]


def test_the_others_of_a_circle_never_begin() -> None:
    machine = joining(B, A, B)
    machine.start(0.0)
    assert machine.hear(NodeId(*A, 1), looking(A, B), 0.1) == []
    assert not any(isinstance(step, FormCluster) for _, step in run(joining(B, A, B), 60.0))


def test_a_circle_that_differs_does_not_count() -> None:
    machine = joining(A, B)
    machine.start(0.0)
    assert machine.hear(NODE_B, looking(A, B, C), 0.1) == []


def test_one_of_a_circle_that_has_found_a_cluster_does_not_count() -> None:
    machine = joining(A, B, C)
    machine.start(0.0)
    machine.hear(NODE_B, looking(A, B, C), 0.1)
    machine.hear(NODE_B, member(A, B, C), 0.2)
    assert machine.hear(NODE_C, looking(A, B, C), 0.3) == []


def test_the_lowest_that_is_its_own_seed_begins_alone_after_a_while() -> None:
    (when, _), *_ = [(now, step) for now, step in run(joining(A, A, B), 60.0) if isinstance(step, FormCluster)]
    assert 5.0 <= when <= 6.2


def test_it_does_not_begin_alone_while_a_cluster_is_heard_of() -> None:
    machine = joining(A, A, B)
    machine.start(0.0)
    for second in range(1, 20):
        machine.hear(NODE_B, member(A, B), float(second))
        assert not any(isinstance(step, FormCluster) for step in machine.tick(second + 0.5))
    assert any(isinstance(step, FormCluster) for step in machine.tick(30.0))


def reasons(machine: JoinProcess) -> list[str]:
    return [step.reason for _, step in run(machine, 30.0) if isinstance(step, ReportDelay)]


def test_a_node_that_may_not_form_a_cluster_alone_reports_what_is_missing_once() -> None:
    (reason,) = reasons(joining(A, B, C))
    assert "no answer from 10.0.0.2:25520, 10.0.0.3:25520" in reason
    assert "this node, 10.0.0.1:25520, may form one alone if it is among its own seed nodes" in reason


def test_another_node_that_should_begin_is_named() -> None:
    (reason,) = reasons(joining(B, A, B))
    assert "only 10.0.0.1:25520, the lowest address, may form a cluster" in reason


def test_seeds_that_do_not_fit_together_are_named() -> None:
    machine = joining(A, B)
    machine.start(0.0)
    machine.hear(NODE_B, looking(B, C), 0.1)
    (reason,) = [step.reason for step in machine.tick(6.0) if isinstance(step, ReportDelay)]
    assert "other seed nodes than here are configured at 10.0.0.2:25520" in reason


def test_a_cluster_that_does_not_admit_it_is_named() -> None:
    machine = joining(A, B)
    machine.start(0.0)
    machine.hear(NODE_B, member(A, B), 5.9)
    (reason,) = [step.reason for step in machine.tick(6.0) if isinstance(step, ReportDelay)]
    assert "a cluster was found, and this node has not been able to join it yet" in reason


def test_what_is_missing_is_said_again_every_half_minute() -> None:
    said = [now for now, step in run(joining(A, B), 100.0) if isinstance(step, ReportDelay)]
    assert [30.0 <= later - now <= 32.0 for now, later in pairwise(said)] == [True] * 3


def test_how_a_seed_cannot_be_reached_is_said() -> None:
    machine = joining(A, B)
    machine.start(0.0)
    assert machine.failed(B, ConnectFailure.unreachable, "no such host") == []
    (reason,) = [step.reason for step in machine.tick(6.0) if isinstance(step, ReportDelay)]
    assert "no answer from 10.0.0.2:25520 (no such host)" in reason


def test_once_all_seeds_have_rejected_this_node_it_seeks_no_more() -> None:
    machine = joining(A, A, B, C)
    machine.start(0.0)
    assert machine.failed(B, ConnectFailure.rejected, "no common cookie") == []
    assert machine.failed(C, ConnectFailure.unreachable, "no answer") == []
    (rejected,) = machine.failed(C, ConnectFailure.rejected, "no common cookie")
    assert isinstance(rejected, Reject)
    assert "10.0.0.2:25520 rejects this node: no common cookie; 10.0.0.3:25520 rejects" in rejected.reason


def test_a_rejection_does_not_count_once_the_seed_has_been_heard_or_is_none() -> None:
    machine = joining(A, B, C)
    machine.start(0.0)
    machine.failed(B, ConnectFailure.rejected, "no common cookie")
    machine.hear(NODE_B, looking(A, B, C), 0.1)
    stranger = PeerAddress("10.0.0.9", 25520)
    for place in (stranger, C):
        assert machine.failed(place, ConnectFailure.rejected, "no common cookie") == []


def test_a_refusal_that_may_pass_is_in_vain_only_after_its_patience() -> None:
    machine = joining(A, B)
    machine.start(0.0)
    taken = Refusal(1, "the node_id is taken", final=True, patience=20.0)
    assert [machine.refused(taken, now) for now in (1.0, 20.9)] == [False, False]
    assert machine.refused(taken, 21.0)
    assert not machine.refused(Refusal(1, "that member is unreachable", final=False), 22.0)
    assert not machine.refused(taken, 23.0), "the time starts again"
    assert machine.refused(Refusal(1, "the settings differ", final=True), 24.0)


def test_a_seed_node_waits_for_others_that_may_turn_out_to_have_the_same_names() -> None:
    """By their addresses all agree, and this node has the lowest one. By their names, another one could."""
    name_of_b = PeerAddress("b.example", 25520)
    machine = joining(A, A, name_of_b)
    machine.start(0.0)
    other_names = looking(PeerAddress("a.example", 25520), B)._replace(resolved=(A, B))
    assert machine.hear(NODE_B, other_names, 0.5, at=name_of_b) == []
    timeout = MembershipSettings(system="bank").seed_timeout
    assert machine.hear(NODE_B, other_names, timeout, at=name_of_b) == [FormCluster()]


def test_a_node_that_is_no_seed_does_not_wait_for_them() -> None:
    name_of_b = PeerAddress("b.example", 25520)
    machine = joining(A, name_of_b)
    machine.start(0.0)
    other_names = looking(PeerAddress("a.example", 25520), B)._replace(resolved=(A, B))
    assert machine.hear(NODE_B, other_names, 0.5, at=name_of_b) == [FormCluster()]
