"""The coordinator: it acts once all have reported, and leaves no request unanswered that it can answer."""

from collections.abc import Callable
from typing import Any

import pytest
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.census import REPORT_TIMEOUT
from casty_cluster.protocol.sharding.coordinator import Coordinator, Phase
from casty_cluster.protocol.sharding.effects import Warn
from casty_cluster.protocol.sharding.inputs import Rebalance, Received
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import (
    GetHome,
    Grant,
    Hello,
    HostPhase,
    Refused,
    Register,
    Report,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted, hello, home, to
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed


def test_the_oldest_member_asks_all_for_reports_joining_ones_too() -> None:
    assert Part().give(viewed(A, [A, B], joining=[C])) == [hello(A), hello(B), hello(C)]


def test_another_member_coordinates_nothing() -> None:
    other = Coordinator(B, 100)
    assert other.handle(viewed(B, [A, B]), 0.0) == []
    assert other.handle(Received(A, GetHome(7, 0)), 0.0) == []
    assert other.handle(Rebalance(), 0.0) == []
    assert other.phase is Phase.idle


def test_the_next_oldest_follows_a_member_that_retires_or_is_removed_or_downed() -> None:
    for view in (viewed(B, [A, B], retiring=[A]), viewed(B, [B]), viewed(B, [B], down=[A])):
        coordinator = Coordinator(B, 100)
        greeted = [effect.message for effect in coordinator.handle(view, 0.0) if isinstance(effect, SendSystem)]
        assert set(greeted) == {Hello(2, 100)}


def test_it_acts_once_every_member_has_reported() -> None:
    part = Part()
    part.give(viewed(A, [A, B, C]))
    assert part.hear(B, GetHome(7, 0)) == part.report(A) == part.report(B) == []
    assert part.report(C) == [to(B, Grant(1, 7, FIRST))]


def test_a_missing_report_is_not_waited_for_once_its_node_is_removed_or_downed() -> None:
    for view in (viewed(A, [A, B]), viewed(A, [A, B], down=[C])):
        part = Part()
        part.give(viewed(A, [A, B, C]))
        part.report(A)
        part.report(B)
        assert part.hear(B, GetHome(7, 0)) == []
        assert part.give(view) == [to(B, Grant(1, 7, FIRST))]


def test_a_report_is_complete_with_its_last_chunk() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    part.hear(A, GetHome(2, 0))
    assert part.report(B, Hosted(1, 9, HostPhase.running), last=False) == []
    assert part.report(B, Hosted(2, 9, HostPhase.running)) == [to(A, home(B, 9, shard=2))]


def test_reports_of_other_terms_and_repeated_ones_do_not_count() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    part.report(B, Hosted(7, 9, HostPhase.running), term=2)
    assert part.machine.phase is Phase.recovering
    part.report(B)
    part.report(B, Hosted(7, 9, HostPhase.running))
    assert part.machine.table.get(7) is None


def test_reported_shards_stay_where_they_are_in_their_states() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    for shard in (1, 2, 3):
        part.hear(A, GetHome(shard, 0))
    phases = (HostPhase.running, HostPhase.starting, HostPhase.draining)
    hosted = [Hosted(shard, 9, phase) for shard, phase in enumerate(phases, 1)]
    assert part.report(B, *hosted) == [to(A, home(B, 9, shard=1))]
    assert part.hear(B, Started(2, 9)) == [to(A, home(B, 9, shard=2))]
    assert part.hear(B, Stopped(3, 9)) == [to(B, Grant(1, 3, FIRST))]


@pytest.mark.parametrize("order", [(B, C), (C, B)])
def test_of_two_reports_of_a_shard_the_higher_epoch_counts(order: tuple[NodeId, NodeId]) -> None:
    part = Part()
    part.give(viewed(A, [A, B, C]))
    epochs = {B: 9, C: 8}
    for node in order:
        part.report(node, Hosted(7, epochs[node], HostPhase.running))
    part.report(A)
    assert part.hear(A, GetHome(7, 0)) == [to(A, home(B, 9))]


def test_epochs_are_higher_than_all_that_are_known() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    part.report(B, Hosted(7, 1 << 50, HostPhase.draining))
    part.hear(A, GetHome(7, 0))
    assert part.hear(B, Stopped(7, 1 << 50)) == [to(B, Grant(1, 7, (1 << 50) + 1))]


def test_a_late_report_is_a_warning_that_names_the_member() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    assert part.machine.next_deadline() == REPORT_TIMEOUT
    assert part.give(Tick(), REPORT_TIMEOUT - 0.1) == []
    [warning] = part.give(Tick(), REPORT_TIMEOUT)
    assert str(B) in warning.text
    assert "no shard is granted" in warning.text
    assert part.give(Tick(), 2 * REPORT_TIMEOUT) == []
    part.report(B)
    part.give(viewed(A, [A, B, C]), 20.0)
    warnings = [effect.text for effect in part.give(Tick(), 25.0) if isinstance(effect, Warn)]
    assert [str(C) in text and "nothing is granted to it" in text for text in warnings] == [True]


def test_a_member_with_another_number_of_shards_is_named_and_left_out() -> None:
    part = Part(strategy=Scripted(C))
    part.give(viewed(A, [A, B, C]))
    part.report(A)
    part.report(B)
    hosted = (Hosted(7, 9, HostPhase.running),)
    [warning] = part.hear(C, Report(term=1, able=True, num_shards=64, hosted=hosted, last=True))
    assert str(C) in warning.text
    assert "num_shards=64" in warning.text
    assert "num_shards=100" in warning.text
    assert part.hear(C, GetHome(7, 0)) == part.hear(C, Register()) == []
    [_, grant] = part.hear(A, GetHome(7, 0))
    assert grant.to == A


@pytest.mark.parametrize("shard", [-1, 100, 10**9])
def test_shards_that_do_not_exist_are_ignored(coordinator: Part, shard: int) -> None:
    assert coordinator.hear(B, GetHome(shard, 0)) == []
    coordinator.give(viewed(A, [A, B, C, D]))
    coordinator.report(D, Hosted(shard, 9, HostPhase.running))
    assert coordinator.machine.table.entries == {}


def test_nothing_of_a_node_that_is_no_member_counts(coordinator: Part) -> None:
    assert coordinator.hear(D, GetHome(7, 0)) == []


def test_a_home_is_announced_once_its_owner_has_started(coordinator: Part) -> None:
    assert coordinator.hear(A, GetHome(7, 0)) == [to(B, Grant(1, 7, FIRST))]
    assert coordinator.hear(C, GetHome(7, 0)) == []
    assert coordinator.hear(B, Started(7, FIRST)) == [to(A, home(B, FIRST)), to(C, home(B, FIRST))]
    assert coordinator.hear(B, GetHome(7, 0)) == [to(B, home(B, FIRST))]


def test_a_request_for_a_newer_home_waits_for_it(owned: Part) -> None:
    assert owned.hear(C, GetHome(7, FIRST)) == []
    owned.machine.placement.strategy = Scripted(A)
    assert owned.give(viewed(A, [A, C])) == [to(A, Grant(1, 7, FIRST + 1))]
    assert owned.hear(A, Started(7, FIRST + 1)) == [to(C, home(A, FIRST + 1))]


def test_a_member_that_asks_twice_is_answered_once(coordinator: Part) -> None:
    coordinator.hear(C, GetHome(7, 0))
    coordinator.hear(C, GetHome(7, 0))
    assert coordinator.hear(B, Started(7, FIRST)) == [to(C, home(B, FIRST))]


def test_requests_of_removed_members_are_dropped(coordinator: Part) -> None:
    coordinator.hear(C, GetHome(7, 0))
    coordinator.give(viewed(A, [A, B]))
    assert coordinator.hear(B, Started(7, FIRST)) == []
    assert coordinator.machine._requests.shards == []


def test_a_refused_claim_raises_the_epoch_above_the_fence(coordinator: Part) -> None:
    coordinator.hear(C, GetHome(7, 0))
    assert coordinator.hear(B, Refused(7, FIRST, 1 << 40)) == [to(B, Grant(1, 7, (1 << 40) + 1))]


@pytest.mark.parametrize("kind", [Started, Stopped])
def test_outcomes_of_another_epoch_or_owner_change_nothing(coordinator: Part, kind: Callable[[int, int], Any]) -> None:
    coordinator.hear(C, GetHome(7, 0))
    assert coordinator.hear(B, kind(7, FIRST - 1)) == []
    assert coordinator.hear(C, kind(7, FIRST)) == []
    assert coordinator.hear(B, kind(8, FIRST)) == []
    assert coordinator.hear(B, Started(7, FIRST)) == [to(C, home(B, FIRST))]


def test_shards_of_a_removed_member_are_granted_anew_at_once_where_they_are_asked_for(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(C)
    owned.hear(A, GetHome(8, 0))
    owned.hear(C, GetHome(7, FIRST))
    assert owned.give(viewed(A, [A, C])) == [to(C, Grant(1, 7, FIRST + 1))]
    assert owned.hear(C, GetHome(8, 0)) == []  # it runs on C


def test_without_a_region_requests_wait_for_one() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A, able=False)
    part.report(B, able=False)
    assert part.hear(A, GetHome(7, 0)) == []
    assert part.hear(B, Register()) == [to(B, Grant(1, 7, FIRST))]


def test_a_member_runs_shards_once_it_is_up(coordinator: Part) -> None:
    for node in (A, B):
        coordinator.machine._census._reported[node] = False
    coordinator.machine.placement.strategy = Scripted(D)
    coordinator.give(viewed(A, [A, B], joining=[D]))
    coordinator.report(D)
    assert coordinator.hear(A, GetHome(7, 0)) == []
    assert coordinator.give(viewed(A, [A, B, D])) == [to(D, Grant(1, 7, FIRST))]


def test_all_shards_are_granted_where_entities_are_remembered() -> None:
    part = Part(3)
    part.give(viewed(A, [A, B]))
    part.report(A)
    assert part.report(B, remembers=True) == [to(B, Grant(1, shard, FIRST)) for shard in range(3)]
    assert part.hear(B, Stopped(1, FIRST)) == [to(B, Grant(1, 1, FIRST + 1))]


def test_all_shards_are_granted_when_the_first_region_that_remembers_registers() -> None:
    part = Part(3)
    part.give(viewed(A, [A, B]))
    part.report(A, able=False)
    part.report(B, able=False)
    assert part.hear(B, GetHome(1, 0)) == []
    granted = part.hear(B, Register(remembers=True))
    assert sorted(effect.message.shard for effect in granted) == [0, 1, 2]
    assert part.hear(B, Register(remembers=True)) == []


def test_a_shard_in_a_phase_of_a_newer_version_is_waited_for() -> None:
    part = Part()
    part.give(viewed(A, [A, B]))
    part.report(A)
    part.hear(A, GetHome(7, 0))
    report = Report(term=1, able=True, num_shards=100, hosted=((7, 9, "hibernating"),), last=True)
    assert part.hear(B, report) == []
    assert part.hear(B, Stopped(7, 9)) == [to(B, Grant(1, 7, FIRST))]
