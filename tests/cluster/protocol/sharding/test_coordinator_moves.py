"""The coordinator: a shard moves once nothing of it runs at its owner, and a member leaves once it has none."""

from collections.abc import Sequence
from typing import Any

import pytest
from casty.member import NodeId
from casty.regions import ShardReason
from casty.spi.allocation import Move, Regions
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.coordinator import REBALANCE_INTERVAL, START_TIMEOUT, Phase
from casty_cluster.protocol.sharding.effects import ShardArrives, ShardLeaves, Warn
from casty_cluster.protocol.sharding.inputs import Rebalance, Retire
from casty_cluster.wire.sharding import (
    Forget,
    Forgotten,
    GetHome,
    Grant,
    HandOff,
    MayStop,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.coordination import FIRST, Part, Scripted, active, home, to
from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed


def test_a_shard_is_granted_to_its_target_after_its_owner_has_stopped_it(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    assert owned.give(Rebalance()) == [to(B, HandOff(1, 7, FIRST))]
    assert owned.hear(A, GetHome(7, 0)) == []
    assert owned.hear(B, Stopped(7, FIRST)) == [to(C, Grant(1, 7, FIRST + 1))]
    assert owned.hear(C, Started(7, FIRST + 1)) == [to(A, home(C, FIRST + 1))]


def test_a_move_whose_target_is_removed_goes_to_another_region(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    owned.give(Rebalance())
    assert owned.give(viewed(A, [A, B])) == []  # no way back to the old epoch
    assert owned.hear(B, Stopped(7, FIRST)) == [to(B, Grant(1, 7, FIRST + 1))]


def test_a_move_whose_owner_is_removed_goes_to_its_target(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    owned.give(Rebalance())
    assert owned.give(viewed(A, [A, C])) == [to(C, Grant(1, 7, FIRST + 1))]


def test_a_round_of_rebalancing_starts_every_ten_seconds(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    assert owned.machine.next_deadline() == REBALANCE_INTERVAL
    assert owned.give(Tick(), REBALANCE_INTERVAL) == [to(B, HandOff(1, 7, FIRST))]
    assert owned.machine.next_deadline() == 2 * REBALANCE_INTERVAL


def test_no_round_starts_while_a_shard_moves_or_a_member_is_unreachable(owned: Part) -> None:
    owned.hear(C, GetHome(8, 0))
    owned.hear(B, Started(8, FIRST))
    owned.machine.placement.strategy = Scripted(moves=[(8, C)])
    owned.give(viewed(A, [A, B, C], unreachable=[C]))
    assert owned.give(Rebalance()) == []
    owned.give(viewed(A, [A, B, C]))
    assert owned.give(Rebalance()) == [to(B, HandOff(1, 8, FIRST))]
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    assert owned.give(Rebalance()) == []


@pytest.mark.parametrize(("num_shards", "limit"), [(5, 1), (100, 10), (10_000, 20)])
def test_a_round_is_limited(num_shards: int, limit: int) -> None:
    part = active(A, B, num_shards=num_shards)
    for shard in range(min(num_shards, 50)):
        part.hear(A, GetHome(shard, 0))
        part.hear(B, Started(shard, FIRST))
    part.machine.placement.strategy = Scripted(moves=[(shard, A) for shard in range(50)])
    assert len(part.give(Rebalance())) == limit


def test_a_move_of_what_does_not_run_or_runs_there_already_is_none(owned: Part) -> None:
    owned.hear(C, GetHome(8, 0))
    owned.machine.placement.strategy = Scripted(moves=[(7, B), (8, C), (9, C), (-1, C)])
    assert owned.give(Rebalance()) == []


def test_a_region_that_does_not_start_a_shard_in_time_loses_it_to_another(coordinator: Part) -> None:
    coordinator.hear(A, GetHome(7, 0), now=1.0)
    coordinator.machine.placement.strategy = Scripted(C)
    coordinator.give(Tick(), START_TIMEOUT)
    [warning, hand_off] = coordinator.give(Tick(), 1.0 + START_TIMEOUT)
    assert isinstance(warning, Warn)
    assert warning.text.startswith(f"{B} has not started shard 7")
    assert warning.text.endswith(f"it goes to {C}")
    assert hand_off == to(B, HandOff(1, 7, FIRST))
    assert coordinator.hear(B, Started(7, FIRST)) == []  # the hand-off is under way
    assert coordinator.hear(B, Stopped(7, FIRST)) == [to(C, Grant(1, 7, FIRST + 1))]


def test_the_only_region_is_tried_again() -> None:
    part = active(A, strategy=Scripted(A))
    part.hear(A, GetHome(7, 0))
    [warning, hand_off] = part.give(Tick(), START_TIMEOUT)
    assert "no other node can run it" in warning.text
    assert hand_off == to(A, HandOff(1, 7, FIRST))
    assert part.hear(A, Stopped(7, FIRST)) == [to(A, Grant(1, 7, FIRST + 1))]


@pytest.mark.parametrize("returned", [D, None, "b", [B], 7])
def test_a_strategy_that_returns_nonsense_costs_no_shard(coordinator: Part, returned: Any) -> None:
    coordinator.machine.placement.strategy = Scripted(returned, moves=[(7, returned)])
    [warning, grant] = coordinator.hear(A, GetHome(7, 0))
    assert f"the allocation strategy Scripted returned {returned!r} for shard 7" in warning.text
    assert f"the shard goes to {A}, which has the fewest" in warning.text
    assert grant == to(A, Grant(1, 7, FIRST))
    coordinator.hear(A, Started(7, FIRST))
    [warning] = coordinator.give(Rebalance())
    assert "no shard is moved" in warning.text


class Raising:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        raise self.error

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        raise self.error


class Signal(BaseException):
    """As some libraries have them."""


@pytest.mark.parametrize("error", [ValueError("no"), Signal("no")])
def test_a_strategy_that_raises_costs_no_shard(coordinator: Part, error: BaseException) -> None:
    coordinator.machine.placement.strategy = Raising(error)
    [warning, grant] = coordinator.hear(A, GetHome(7, 0))
    assert repr(error) in warning.text
    assert grant == to(A, Grant(1, 7, FIRST))
    [warning] = coordinator.give(Rebalance())
    assert repr(error) in warning.text


NO_MOVES: list[Any] = [None, 7, [7], [(7, C, 1)], [([], C)]]


@pytest.mark.parametrize("moves", NO_MOVES)
def test_moves_that_are_none_move_nothing(owned: Part, moves: Any) -> None:
    owned.machine.placement.strategy = Scripted(moves=moves)
    [warning] = owned.give(Rebalance())
    assert isinstance(warning, Warn)
    assert "no shard is moved" in warning.text


def test_a_leaver_hands_off_is_forgotten_and_may_stop(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(C)
    assert owned.give(viewed(A, [A, B, C], retiring=[B])) == [to(B, HandOff(1, 7, FIRST))]
    assert owned.give(viewed(A, [A, B, C], retiring=[B])) == []
    forget = [to(A, Forget(1, B)), to(C, Forget(1, B))]
    assert owned.hear(B, Stopped(7, FIRST)) == forget
    assert owned.hear(A, Forgotten(1, B)) == owned.hear(A, Forgotten(1, B)) == owned.hear(C, Forgotten(0, B)) == []
    assert owned.hear(C, Forgotten(1, B)) == [to(B, MayStop(1))]
    assert owned.hear(C, Forgotten(1, B)) == []


def test_a_removed_member_does_not_keep_a_leaver(coordinator: Part) -> None:
    assert coordinator.give(viewed(A, [A, B, C], retiring=[B])) == [to(A, Forget(1, B)), to(C, Forget(1, B))]
    coordinator.hear(A, Forgotten(1, B))
    assert coordinator.give(viewed(A, [A, B], retiring=[B])) == [to(B, MayStop(1))]


def test_a_leaver_that_is_removed_is_not_led_out_any_more(coordinator: Part) -> None:
    coordinator.give(viewed(A, [A, B, C], retiring=[B]))
    coordinator.give(viewed(A, [A, C]))
    assert coordinator.hear(A, Forgotten(1, B)) == coordinator.hear(C, Forgotten(1, B)) == []


def test_a_leaver_is_granted_nothing_even_as_a_target(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(A, moves=[(7, C)])
    owned.give(Rebalance())
    owned.give(viewed(A, [A, B, C], retiring=[C]))
    assert owned.hear(B, Stopped(7, FIRST)) == [to(A, Grant(1, 7, FIRST + 1))]


def test_a_shard_that_starts_on_a_leaver_is_handed_off(coordinator: Part) -> None:
    coordinator.hear(A, GetHome(7, 0))
    assert coordinator.give(viewed(A, [A, B, C], retiring=[B])) == [to(B, HandOff(1, 7, FIRST))]


def test_a_shard_that_moves_away_from_a_leaver_is_handed_off_once(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    owned.give(Rebalance())
    assert owned.give(viewed(A, [A, B, C], retiring=[B])) == []


def test_a_leaver_that_has_not_reported_is_waited_for() -> None:
    part = Part()
    part.give(viewed(A, [A, B], retiring=[B]))
    part.report(A)
    assert part.report(B) == [to(A, Forget(1, B))]


@pytest.mark.parametrize("end", [Retire(), viewed(A, [A, B, C], retiring=[A])])
def test_a_coordinator_that_retires_does_nothing_more(owned: Part, end: Any) -> None:
    owned.hear(C, GetHome(8, 0))
    assert owned.give(end) == []
    assert owned.machine.phase is Phase.retired
    assert owned.machine.next_deadline() is None
    assert owned.hear(B, Stopped(7, FIRST)) == owned.hear(C, GetHome(7, 0)) == owned.give(Rebalance()) == []
    assert owned.give(viewed(A, [A, B])) == owned.give(Tick(), 99.0) == []


def test_operators_learn_of_a_move_when_it_begins_and_when_it_has_ended(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    assert owned.notes == []
    owned.give(Rebalance())
    assert owned.notes == [ShardLeaves(7, B, ShardReason.rebalanced)]
    owned.hear(B, Stopped(7, FIRST))
    owned.hear(C, Started(7, FIRST + 1))
    moved = ShardArrives(shard=7, epoch=FIRST + 1, source=B, owner=C, reason=ShardReason.rebalanced)
    assert owned.notes[1:] == [moved]


def test_operators_learn_of_shards_whose_owner_was_removed(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(C)
    owned.give(viewed(A, [A, C]))
    assert owned.notes == [ShardLeaves(7, B, ShardReason.removed)]
    [granted] = owned.hear(A, GetHome(7, FIRST))
    assert granted.message.reason == "removed"
    owned.hear(C, Started(7, FIRST + 1))
    moved = ShardArrives(shard=7, epoch=FIRST + 1, source=B, owner=C, reason=ShardReason.removed)
    assert owned.notes[1:] == [moved]


def test_a_shard_that_comes_back_has_not_moved(owned: Part) -> None:
    owned.hear(B, Stopped(7, FIRST))
    owned.hear(A, GetHome(7, FIRST))
    owned.hear(B, Started(7, FIRST + 1))
    assert owned.notes == []


def test_a_shard_has_moved_from_the_node_that_has_run_it_last(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(moves=[(7, C)])
    owned.give(Rebalance())
    owned.hear(B, Stopped(7, FIRST))
    owned.give(viewed(A, [A, B]))  # C was granted the shard, and has not run it
    owned.machine.placement.strategy = Scripted(A)
    owned.hear(A, GetHome(7, FIRST))
    owned.hear(A, Started(7, FIRST + 2))
    assert [note.source for note in owned.notes if isinstance(note, ShardArrives)] == [B]


def test_a_grant_says_why(owned: Part) -> None:
    [granted] = owned.hear(A, GetHome(8, 0))
    assert granted.message.reason == "requested"


def test_a_shard_that_a_node_was_slow_to_start_has_moved_from_the_one_before(owned: Part) -> None:
    owned.machine.placement.strategy = Scripted(A, moves=[(7, C)])
    owned.give(Rebalance())
    owned.hear(B, Stopped(7, FIRST))
    owned.give(Tick(), START_TIMEOUT)  # C is late
    owned.hear(C, Stopped(7, FIRST + 1))
    owned.hear(A, Started(7, FIRST + 2))
    [moved] = [note for note in owned.notes if isinstance(note, ShardArrives)]
    assert (moved.source, moved.owner, moved.reason) == (B, A, ShardReason.rebalanced)


def test_a_shard_that_has_not_run_before_has_not_moved(owned: Part) -> None:
    owned.hear(A, GetHome(8, 0))
    owned.machine.placement.strategy = Scripted(C)
    owned.give(viewed(A, [A, C]))  # B was granted the shard, and has not run it
    owned.hear(C, Started(8, FIRST + 1))
    assert not [note for note in owned.notes if isinstance(note, ShardArrives) and note.shard == 8]
