"""The coordinator of a replicated region: where copies go, and when a shard is granted to one of them."""

import pytest
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding import replicating
from casty_cluster.protocol.sharding.coordinator import REBALANCE_INTERVAL, Phase
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.replicating import KEEP_TIMEOUT
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.replication import Epoch, View
from casty_cluster.wire.sharding import (
    CopyReport,
    CopyState,
    ForcePromote,
    GetHome,
    Grant,
    HandOff,
    KeepCopy,
    Refused,
    Register,
    Report,
    ShardCopies,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Scripted, to
from tests.cluster.protocol.sharding.copied import FOUNDED, NAMES, RUNS, Copied, granted, state
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed


def test_no_shard_is_new_before_every_node_has_reported_its_copies() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.hear(C, Report(term=1, able=True, num_shards=10, hosted=(), last=True, copies=part.copies))
    assert part.hear(B, GetHome(7, 0)) == []
    assert part.reports(C, last=True) == [to(node, KeepCopy(1, 7)) for node in (A, B, C)]


def test_a_shard_that_a_node_knows_goes_to_a_copy_of_the_newest_view_without_being_asked_for() -> None:
    part = Copied(A, B, C, strategy=Scripted(C))
    newest = View(epoch=Epoch(5, 7), copies=("a", "b"), min_acks=1)
    part.reports(A, state(A, "a", "b"))
    part.reports(C, state(C, "c", "d", epoch=Epoch(3, 7)))
    part.reports(B, state(B, "b", "c", epoch=Epoch(4, 9)))
    [entry] = part.machine.table.entries.values()
    assert entry.owner in (A, B), "C has no copy of the newest view"
    copies = part.machine._granted[7]
    assert (copies.copies[0], copies.previous) == (NAMES[entry.owner], newest)


def test_a_coordinator_starts_the_shards_that_it_learns_of_while_reports_are_missing() -> None:
    part = Copied()
    part.give(viewed(A, [A, B]))
    part.joins(A, state(A, "a", "b"))
    assert part.machine.table.entries == {}
    part.joins(B, state(B, "b", "a"))
    assert part.machine.table.entries.keys() == {7}


def test_the_epoch_of_a_grant_exceeds_all_that_copies_have_promised() -> None:
    part = Copied(A)
    part.give(viewed(A, [A, B]))
    known = state(B, "b", "a", promised=Epoch(FIRST + 9, 3))
    part.joins(B, known)
    part.keeps(A)
    [entry] = part.machine.table.entries.values()
    assert (entry.owner, entry.epoch) == (B, FIRST + 10)


def test_a_primary_that_is_refused_is_granted_a_higher_epoch() -> None:
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B, C)
    [again] = part.hear(A, Refused(7, RUNS, RUNS + 100))
    assert (again.to, again.message.copies.epoch) == (A, Epoch(RUNS + 101, A.uid))


def test_a_node_that_refuses_an_epoch_which_nothing_exceeds_is_not_the_next_to_get_the_shard() -> None:
    """Such as one that has no copy of that name any more: it would refuse every epoch."""
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B, C)
    *_, again = part.hear(A, Refused(7, RUNS, RUNS))
    assert again.to != A


def test_a_copy_that_another_one_has_replaced_is_none_of_the_shard() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    part.reports(A, CopyState(7, "new", Epoch(0, 0), None))
    *_, grant = part.hear(A, Stopped(7, RUNS))
    assert grant.to != A
    assert {*grant.message.copies.copies} == {"b", "c", "new"}


def test_a_copy_whose_disk_is_in_another_node_by_now_stays_known() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    part.reports(C, CopyState(7, "a", Epoch(0, 0), None))
    part.reports(A, CopyState(7, "new", Epoch(0, 0), None))
    assert part.machine._groups.holders(7) == [C, B]


@pytest.mark.parametrize("state", ["granted", "running"])
def test_a_node_that_stops_a_shard_by_itself_is_not_the_next_to_get_it(state: str) -> None:
    """Its disk has failed, and will fail again."""
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, B, C)
    if state == "running":
        part.hear(A, Started(7, RUNS))
    *_, grant = part.hear(A, Stopped(7, RUNS))
    assert grant.to != A
    *_, again = part.hear(grant.to, Stopped(7, RUNS + 1))
    assert again.to != grant.to


def test_too_few_nodes_for_min_acks_have_no_shard() -> None:
    part = Copied(A)
    assert part.hear(A, GetHome(7, 0)) == [to(A, KeepCopy(1, 7))]
    assert part.keeps(A) == []
    why = "min_acks=1 takes 2 nodes that run the region, and 1 can keep copies: start more of them"
    assert part.machine.obstacles == {7: why}
    assert part.give(Tick(), REBALANCE_INTERVAL) == [Warn(f"1 shards cannot run: {why}", "too few nodes")]
    part.give(viewed(A, [A, B]))
    assert part.joins(B) == [to(B, KeepCopy(1, 7))]
    assert part.keeps(B) == [to(A, granted("a", "b"))]


def test_a_loss_that_an_operator_has_accepted_stays_in_the_views_that_follow() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    *_, order = part.hear(B, ForcePromote(1, 7))
    assert order == to(A, HandOff(1, 7, RUNS))
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert grant.message.copies.forced
    part.hear(A, Started(7, RUNS + 1))
    [grant] = part.hear(A, Refused(7, RUNS + 1, RUNS + 2))
    copies = grant.message.copies
    assert (copies.forced, copies.previous.forced) == (False, (Epoch(RUNS + 1, A.uid),))


def test_copies_go_to_different_zones_first() -> None:
    nodes = [A, B, C, D]
    part = Copied(*nodes, copies=(2, 1, "zone:"))
    roles = {A: ["zone:1"], B: ["zone:1"], C: ["zone:2"], D: ["other", "zone:3"]}
    part.give(viewed(A, nodes, roles=roles))
    assert part.hear(A, GetHome(7, 0)) == [to(node, KeepCopy(1, 7)) for node in (A, C, D)]


def test_a_node_that_creates_no_copy_in_time_is_replaced() -> None:
    part = Copied(A, B, C, D)
    part.hear(A, GetHome(7, 0))
    part.keeps(A, C)
    assert part.machine.next_deadline() == KEEP_TIMEOUT
    assert part.give(Tick(), KEEP_TIMEOUT) == [to(D, KeepCopy(1, 7))]
    assert part.keeps(D) == [to(A, granted("a", "c", "d"))]


def test_the_copies_that_are_left_take_over_and_the_place_of_the_lost_one_is_kept() -> None:
    part = Copied(A, B, C, strategy=Scripted(B))
    part.runs(B, A, C)
    view = View(epoch=Epoch(RUNS, A.uid), copies=("b", "a", "c"), min_acks=1)
    part.machine.placement.strategy = Scripted(C)
    [grant] = part.give(viewed(A, [A, C]))
    copies = ShardCopies(epoch=Epoch(RUNS + 1, A.uid), copies=("c", "a", "b"), min_acks=1, previous=view)
    assert grant == to(C, Grant(1, 7, RUNS + 1, copies=copies))


def test_a_lost_copy_keeps_no_place_where_the_others_could_not_go_on_without_it() -> None:
    part = Copied(A, B, C, copies=(1, 1, ""))
    part.runs(A, B)
    part.machine.placement.strategy = Scripted(B)
    part.give(viewed(A, [A, C]))
    part.give(viewed(A, [A]))
    assert [part.machine._groups.group(7, [A], FOUNDED, forced=False)] == [None]


def test_another_node_takes_the_place_of_a_copy_that_is_gone() -> None:
    part = Copied(A, B, C)
    part.runs(A, B, C)
    part.give(viewed(A, [A, B, D]))
    part.joins(D)
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(D, KeepCopy(1, 7))]
    assert part.keeps(D) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert (grant.to, grant.message.copies.copies) == (A, ("a", "b", "d"))


def test_lost_copies_are_replaced_without_a_pause_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicating, "REBALANCE_SHARDS", 2)
    part = Copied(A, B, C)
    for shard in (6, 7, 8, 9):
        part.runs(A, B, C, shard=shard)
    part.give(viewed(A, [A, B, D]))
    part.joins(D)
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(D, KeepCopy(1, shard)) for shard in (6, 7)]
    assert part.keeps(D, shard=6) == [to(A, HandOff(1, 6, RUNS))]
    assert part.keeps(D, shard=7) == [to(A, HandOff(1, 7, RUNS))]
    for shard in (6, 7):
        [grant] = part.hear(A, Stopped(shard, RUNS))
        assert grant.message.copies.copies == ("a", "b", "d")
    assert part.hear(A, Started(6, RUNS + 1)) == [to(D, KeepCopy(1, 8))]
    assert part.hear(A, Started(7, RUNS + 1)) == [to(D, KeepCopy(1, 9))]


def test_a_shard_moves_to_a_copy_and_to_another_node_only_after_that_has_one() -> None:
    strategy = Scripted(A)
    part = Copied(A, B, C, D, strategy=strategy)
    part.runs(A, B, C)
    strategy.moves = [(7, B)]
    assert part.give(Tick(), REBALANCE_INTERVAL) == [to(A, HandOff(1, 7, RUNS))]
    [grant] = part.hear(A, Stopped(7, RUNS))
    assert (grant.to, grant.message.copies.copies) == (B, ("b", "a", "c"))
    part.hear(B, Started(7, RUNS + 1))
    strategy.moves = [(7, D)]
    assert part.give(Tick(), 2 * REBALANCE_INTERVAL) == [to(B, HandOff(1, 7, RUNS + 1))]
    assert part.hear(B, Stopped(7, RUNS + 1)) == [to(D, KeepCopy(1, 7))]
    [grant] = part.keeps(D)
    assert (grant.to, grant.message.copies.copies) == (B, ("b", "d", "a"))


def test_a_node_with_other_settings_is_reported_and_goes_by_those_of_the_first() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    [warning, *_] = part.joins(C, copies=(3, 2, ""))
    assert isinstance(warning, Warn)
    assert "replicas=3, min_acks=2" in warning.text
    part.hear(A, GetHome(7, 0))
    assert part.keeps(A, B, C) == [to(A, granted("a", "b", "c"))]


BARE = "has spawned the region without replication, and the coordinator goes by replicas="


@pytest.mark.parametrize("spawned", ["before it was contacted", "later"])
def test_a_node_without_replication_is_reported_once(spawned: str) -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    if spawned == "later":
        assert part.report(C, able=False) == []
        effects = part.hear(C, Register(role=""))
    else:
        effects = part.report(C)
    [warning] = [effect.text for effect in effects if isinstance(effect, Warn)]
    assert warning.startswith(f"{C} {BARE}")
    assert part.hear(C, Register(role="")) == []


def test_nodes_without_replication_are_reported_when_the_first_one_has_some() -> None:
    part = Copied()
    part.give(viewed(A, [A, B, C, D]))
    effects = [effect for node in (A, B, C) for effect in part.report(node)]
    part.give(viewed(A, [A, B, D]))
    assert not [effect for effect in effects if isinstance(effect, Warn)], "no node replicates the region"
    warnings = [effect.text for effect in part.joins(D) if isinstance(effect, Warn)]
    assert [text.partition(" ")[0] for text in warnings] == [str(A), str(B)]
    assert all(BARE in text for text in warnings)


def test_a_node_that_replicates_nothing_is_granted_no_shard() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.report(C)
    part.machine.placement.strategy = Scripted(C)
    effects = part.hear(A, GetHome(7, 0))
    assert {effect.to for effect in effects if isinstance(effect, SendSystem)} == {A, B}


def test_copies_of_a_node_with_another_number_of_shards_are_not_counted() -> None:
    part = Copied(A, B)
    part.give(viewed(A, [A, B, C]))
    part.hear(C, Report(term=1, able=True, num_shards=20, hosted=(), last=True, role="", copies=part.copies))
    assert part.reports(C, state(C, "c", "a"), last=True) == []
    assert part.machine.table.entries == {}


def test_reports_of_other_terms_and_of_strangers_change_nothing() -> None:
    part = Copied(A, B)
    assert part.hear(B, CopyReport(9, (state(B, "b"),), True)) == []
    assert part.hear(D, CopyReport(1, (state(D, "d"),), True)) == []
    assert part.machine.table.entries == {}


def test_a_late_node_brings_its_copies() -> None:
    part = Copied(A)
    part.give(viewed(A, [A, B]))
    part.report(B, able=False)
    assert part.hear(B, Register(role="", copies=part.copies)) == []
    part.reports(B, state(B, "b", "a"), last=True)
    part.keeps(A)
    assert part.machine.table.entries[7].owner == B


def test_a_coordinator_that_retires_forgets_its_copies() -> None:
    part = Copied(A, B, C)
    part.hear(A, GetHome(7, 0))
    part.give(viewed(A, [A, B, C], retiring=[A]))
    assert part.machine.phase is Phase.retired
    assert part.machine.next_deadline() is None
