"""The coordinator of a replicated region: which copies are replaced, and which members that leave wait for that."""

from typing import Any

import pytest
from casty.member import NodeId
from casty.regions import ShardReason
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.coordinator import REBALANCE_INTERVAL
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.sharding.replicating import KEEP_TIMEOUT, STUCK
from casty_cluster.wire.replication import Epoch
from casty_cluster.wire.sharding import (
    Forget,
    Forgotten,
    GetHome,
    Grant,
    HandOff,
    HostPhase,
    KeepCopy,
    MayStop,
    Report,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import Scripted, to
from tests.cluster.protocol.sharding.copied import RUNS, Copied, state
from tests.cluster.protocol.sharding.membership import A, B, C, D, E, viewed

TWO = (1, 1, "")
"""A primary and one replica."""
THREE = (2, 1, "")
FOUR = (3, 1, "")
"""A primary that needs the acknowledgement of one replica: three copies decide what is next."""


def stuck(shards: int) -> Warn:
    return Warn(f"{shards} shards lack copies: {STUCK}", "stuck")


def leaves(part: Copied, leaver: NodeId, *others: NodeId) -> list[Any]:
    """All that the coordinator does, once all others know that no message is on its way to the leaver any more."""
    effects = part.give(viewed(A, [leaver, *others], retiring=[leaver]))
    for node in (leaver, *others):
        if to(node, Forget(1, leaver)) in effects:
            effects.remove(to(node, Forget(1, leaver)))
            effects += part.hear(node, Forgotten(1, leaver))
    return effects


def test_a_member_that_a_shard_needs_leaves_when_another_node_has_a_copy() -> None:
    part = Copied(A, B, C, copies=TWO)
    part.runs(A, B)
    assert leaves(part, B, A, C) == [to(C, KeepCopy(1, 7))]
    assert part.keeps(C) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert (grant.to, grant.message.copies.copies) == (A, ("a", "c"))
    assert part.hear(A, Started(7, RUNS + 1)) == [to(B, MayStop(1))]


def test_a_node_that_creates_no_copy_in_time_is_not_waited_for() -> None:
    part = Copied(A, B, C, D, copies=TWO)
    part.runs(A, B)
    [asked] = leaves(part, B, A, C, D)
    assert asked == to(C, KeepCopy(1, 7))
    assert part.give(Tick(), KEEP_TIMEOUT) == [to(D, KeepCopy(1, 7))]
    assert part.keeps(D) == [to(A, HandOff(1, 7, RUNS))]


def test_a_member_without_which_the_shard_goes_on_leaves_at_once() -> None:
    part = Copied(A, B, C, D, copies=THREE)
    part.runs(A, B, C)
    assert leaves(part, B, A, C, D) == [to(B, MayStop(1))]


def test_a_member_leaves_at_once_where_no_other_node_can_take_its_place() -> None:
    part = Copied(A, B, copies=TWO)
    part.runs(A, B)
    assert leaves(part, B, A) == [to(B, MayStop(1))]


def test_a_member_leaves_at_once_where_the_copies_that_are_there_cannot_decide() -> None:
    part = Copied(A, B, C, D, copies=FOUR)
    part.runs(A, B, C, D)
    part.give(viewed(A, [A, B, E]))
    part.joins(E)
    assert leaves(part, B, A, E) == [to(B, MayStop(1))]


def test_a_member_that_comes_back_and_leaves_before_it_has_reported_its_copies_waits() -> None:
    part = Copied(A, B, C, copies=TWO)
    part.runs(A, B)
    part.give(viewed(A, [A, C]))
    part.give(viewed(A, [A, B, C], retiring=[B]))
    assert to(C, KeepCopy(1, 7)) in part.joins(B, state(B))
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, B)) == []


def test_a_member_waits_for_another_one_that_is_about_to_come_up() -> None:
    part = Copied(A, B, copies=TWO)
    part.runs(A, B)
    part.give(viewed(A, [A, B], joining=[C]))
    part.joins(C)
    part.give(viewed(A, [A, B], joining=[C], retiring=[B]))
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, B)) == []
    assert part.give(viewed(A, [A, B, C], retiring=[B])) == [to(C, KeepCopy(1, 7))]


def test_a_member_does_not_wait_for_one_that_keeps_no_copies() -> None:
    part = Copied(A, B, copies=TWO)
    part.runs(A, B)
    part.give(viewed(A, [A, B, C]))
    part.hear(C, Report(term=1, able=False, num_shards=10, hosted=(), last=True))
    assert leaves(part, B, A, C) == [to(B, MayStop(1))]


def test_a_member_that_may_stop_decides_on_nothing_any_more() -> None:
    part = Copied(A, B, copies=TWO)
    part.runs(A, B)
    assert leaves(part, B, A) == [to(B, MayStop(1))]
    part.give(viewed(A, [A, B, C], retiring=[B]))
    assert part.joins(C) == []
    assert part.give(Tick(), REBALANCE_INTERVAL) == [stuck(1)], "A is still at work"
    assert part.machine.obstacles == {7: STUCK}


def test_two_members_that_leave_at_once_leave_when_others_have_copies() -> None:
    part = Copied(A, B, C, D, copies=THREE)
    part.runs(A, B, C)
    part.give(viewed(A, [A, B, C, D], retiring=[B, C]))
    for node in (A, D):
        part.hear(node, Forgotten(1, B))
        part.hear(node, Forgotten(1, C))
    part.hear(B, Forgotten(1, C))
    part.hear(C, Forgotten(1, B))
    assert part.keeps(D) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.copies == ("a", "d")
    assert part.hear(A, Started(7, RUNS + 1)) == [to(B, MayStop(1)), to(C, MayStop(1))]


def test_a_shard_that_starts_with_a_copy_on_a_leaver_is_waited_for() -> None:
    part = Copied(A, B, C, copies=TWO)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B)
    assert leaves(part, B, A, C) == [], "the shard has been granted"
    assert part.hear(A, Started(7, RUNS))[1:] == [to(C, KeepCopy(1, 7))]


def test_a_coordinator_that_is_new_waits_for_the_copies_of_all_nodes() -> None:
    part = Copied(copies=TWO)
    hosted = (Hosted(7, RUNS, HostPhase.running),)
    part.give(viewed(A, [A, B, C], retiring=[B]))
    part.hear(A, Report(term=1, able=True, num_shards=10, hosted=hosted, last=True, role="", copies=TWO))
    part.joins(B, state(B))
    part.joins(C)
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, B)) == [], "A may have a copy that rests on the one of B"
    running = state(A, "a", "b", epoch=Epoch(RUNS, A.uid))
    assert part.reports(A, running, last=True) == [to(C, KeepCopy(1, 7))]


def starting(*nodes: NodeId, before: tuple[str, ...], copies: tuple[int, int, str]) -> Copied:
    """A new coordinator, while A starts the shard: an earlier coordinator has given a copy to C."""
    part = Copied(copies=copies)
    part.give(viewed(A, nodes))
    hosted = (Hosted(7, RUNS, HostPhase.starting),)
    part.hear(A, Report(term=1, able=True, num_shards=10, hosted=hosted, last=True, role="", copies=copies))
    part.reports(A, state(A, *before), last=True)
    part.joins(B, state(B, *before))
    part.joins(C, state(C))
    assert part.hear(A, Started(7, RUNS)) == [to(A, KeepCopy(1, 7))]
    return part


def test_the_view_of_a_shard_that_an_earlier_coordinator_has_granted_is_asked_for() -> None:
    part = starting(A, B, C, before=("a", "b", "d"), copies=THREE)
    part.give(viewed(A, [A, C]))
    assert part.give(Tick(), REBALANCE_INTERVAL) == [stuck(1)], "as far as is known, only A has a copy"
    assert part.reports(A, state(A, "a", "b", "c", epoch=Epoch(RUNS, A.uid))) == []
    assert part.machine.obstacles == {}
    part.give(viewed(A, [A, C, E]))
    part.joins(E)
    assert part.keeps(E) == [to(A, HandOff(1, 7, RUNS))]


def test_a_member_that_leaves_waits_where_a_view_that_is_reported_late_rests_on_it() -> None:
    part = starting(A, B, C, before=("a", "b"), copies=TWO)
    part.give(viewed(A, [A, B, C], retiring=[C]))
    assert part.reports(A, state(A, "a", "c", epoch=Epoch(RUNS, A.uid))) == [to(A, HandOff(1, 7, RUNS))]
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, C)) == []


def leaves_while_starting(before: tuple[str, ...]) -> Copied:
    """C leaves while it is not known which copies keep the shard that A starts, and all have forgotten it."""
    part = starting(A, B, C, before=before, copies=TWO)
    part.give(viewed(A, [A, B, C], retiring=[C]))
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, C)) == []
    return part


def test_no_member_leaves_before_the_view_that_is_asked_for_is_known() -> None:
    part = leaves_while_starting(before=("a", "b"))
    assert part.reports(B, state(B, "a", "b")) == [], "only A knows the view"
    assert part.reports(A, state(A, "a", "c", epoch=Epoch(RUNS, A.uid))) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.copies == ("a", "b")
    assert part.hear(A, Started(7, RUNS + 1)) == [to(C, MayStop(1))]


def test_a_member_leaves_once_a_view_is_known_that_does_not_need_it() -> None:
    part = leaves_while_starting(before=("a", "b"))
    assert part.reports(A, state(A, "a", "b", epoch=Epoch(RUNS, A.uid))) == [to(C, MayStop(1))]


def test_a_member_does_not_wait_for_the_view_of_a_shard_that_has_stopped() -> None:
    part = leaves_while_starting(before=("a", "b"))
    *_, grant, released = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.copies == ("b", "a")
    assert released == to(C, MayStop(1))


def test_a_member_waits_for_the_start_of_a_shard_that_an_earlier_coordinator_has_granted() -> None:
    part = Copied(copies=TWO)
    part.give(viewed(A, [A, B, C], retiring=[C]))
    hosted = (Hosted(7, RUNS, HostPhase.starting),)
    part.hear(A, Report(term=1, able=True, num_shards=10, hosted=hosted, last=True, role="", copies=TWO))
    part.reports(A, state(A, "a", "b"), last=True)
    part.joins(B, state(B, "a", "b"))
    part.joins(C, state(C))
    for node in (A, B, C):
        assert part.hear(node, Forgotten(1, C)) == []
    assert part.hear(A, Started(7, RUNS)) == [to(A, KeepCopy(1, 7))]
    assert part.reports(A, state(A, "a", "b", epoch=Epoch(RUNS, A.uid))) == [to(C, MayStop(1))]


def test_a_node_that_comes_back_completes_the_copies_at_once() -> None:
    part = Copied(A, B, copies=THREE)
    part.runs(A, B)
    part.give(viewed(A, [A, B, C]))
    part.joins(C)
    assert part.keeps(C) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.copies == ("a", "b", "c")


def test_copies_that_have_not_been_reported_are_not_replaced() -> None:
    part = Copied(copies=THREE)
    part.give(viewed(A, [A, B, C, D]))
    hosted = (Hosted(7, RUNS, HostPhase.running),)
    part.hear(A, Report(term=1, able=True, num_shards=10, hosted=hosted, last=True, role="", copies=THREE))
    part.hear(C, Report(term=1, able=True, num_shards=10, hosted=(), last=True, role="", copies=THREE))
    part.joins(B, state(B))
    assert part.joins(D) == []
    assert part.give(Tick(), REBALANCE_INTERVAL) == [], "the view of the shard is not known"
    running = state(A, "a", "b", "c", epoch=Epoch(RUNS, A.uid))
    assert part.reports(A, running, last=True) == [], "C may have a copy"


def test_a_shard_whose_copies_cannot_decide_goes_on_where_it_is() -> None:
    strategy = Scripted(A)
    part = Copied(A, B, C, D, copies=FOUR, strategy=strategy)
    part.runs(A, B, C, D)
    part.give(viewed(A, [A, B, E]))
    part.joins(E)
    strategy.moves = [(7, B)]
    assert part.give(Tick(), REBALANCE_INTERVAL) == [stuck(1)], "another primary could not follow"
    assert part.machine.obstacles == {7: STUCK}
    part.give(viewed(A, [A, B, C, E]))
    part.joins(C, state(C, "a", "b", "c", "d", epoch=Epoch(RUNS, A.uid)))
    strategy.moves = []
    assert part.keeps(E) == [to(A, HandOff(1, 7, RUNS))]
    assert part.machine.obstacles == {}


def granted_again(part: Copied, shard: int, epoch: int) -> Any:
    """The shard has stopped on A, and starts where it is granted next."""
    effects = [*part.hear(A, Stopped(shard, epoch)), *part.keeps(C, shard=shard)]
    [grant] = [effect for effect in effects if isinstance(effect.message, Grant)]
    part.hear(grant.to, Started(shard, grant.message.epoch))
    return grant.to, grant.message.copies.copies


def test_a_shard_that_a_node_was_given_a_copy_of_moves_there_in_place_of_another_one() -> None:
    strategy = Scripted(A)
    part = Copied(A, B, copies=TWO, strategy=strategy)
    for shard in (6, 7):
        part.runs(A, B, shard=shard)
    part.give(viewed(A, [A, B, C]))
    part.joins(C)
    strategy.moves = [(6, C)]
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(A, HandOff(1, 6, RUNS))]
    assert granted_again(part, 6, RUNS) == (A, ("a", "c"))
    strategy.moves = [(7, C)]
    assert part.give(Tick(), 2 * REBALANCE_INTERVAL) == [to(A, HandOff(1, 6, RUNS + 1))], "no second copy is made"
    assert part.machine._hand_off(6, C, ShardReason.rebalanced) == [], "it is on the move"
    assert part.machine._groups.invited(C) == []
    assert granted_again(part, 6, RUNS + 1) == (C, ("c", "a"))
    strategy.moves = [(7, C)]
    assert part.give(Tick(), 3 * REBALANCE_INTERVAL) == [to(A, HandOff(1, 7, RUNS))]
    assert granted_again(part, 7, RUNS) == (A, ("a", "c"))


def restarted(part: Copied, node: NodeId, *others: NodeId, copies: tuple[int, int, str]) -> list[Any]:
    """What the coordinator does when the node is gone, and is back with other settings."""
    effects = part.give(viewed(A, others))
    part.give(viewed(A, [*others, node]))
    return [*effects, *part.joins(node, state(node), copies=copies)]


def test_settings_change_when_all_nodes_have_been_restarted_with_other_ones() -> None:
    part = Copied(copies=TWO)
    part.give(viewed(A, [A, B, C]))
    part.joins(B)
    part.joins(A, copies=THREE)
    part.joins(C)
    part.runs(A, B)
    [warning] = restarted(part, C, A, B, copies=THREE)
    assert "the coordinator goes by replicas=1" in warning.text, "B has reported first"
    assert part.give(Tick(), REBALANCE_INTERVAL) == []
    warning, order = restarted(part, B, A, C, copies=THREE)
    assert warning.text.startswith("shards have replicas=2, min_acks=1, spread='' from now on")
    assert order == to(A, HandOff(1, 7, RUNS))
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.copies == ("a", "b", "c")


@pytest.mark.parametrize("other", [TWO, (2, 2, "")])
def test_shards_with_the_copies_of_earlier_settings_get_those_of_the_present_ones(other: tuple[int, int, str]) -> None:
    hosted = (Hosted(7, RUNS, HostPhase.running),)
    part = Copied(copies=other)
    part.give(viewed(A, [A, B, C]))
    part.hear(A, Report(term=1, able=True, num_shards=10, hosted=hosted, last=True, role="", copies=other))
    part.reports(A, state(A, "a", "b", "c", epoch=Epoch(RUNS, A.uid)), last=True)
    part.joins(B, state(B))
    assert part.joins(C, state(C)) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    copies = grant.message.copies
    assert (len(copies.copies), copies.min_acks) == (1 + other[0], other[1])
