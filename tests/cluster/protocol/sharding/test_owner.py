"""The owner: one epoch of a shard at a time, which opens once and closes once."""

from typing import Any

import pytest
from casty.member import NodeId
from casty.regions import ShardReason
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.effects import (
    Claim,
    Closed,
    Deliver,
    Drain,
    Halt,
    Note,
    Opened,
    Run,
    SendUser,
    ShardEnds,
    ShardRuns,
    Warn,
)
from casty_cluster.protocol.sharding.inputs import Claimed, ClaimRefused, DrainAll, Drained, Fenced, Follow, Received
from casty_cluster.protocol.sharding.owner import DRAIN_TIMEOUT, PAUSE, Hosted, Owner
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import Bounce, Grant, HandOff, HostPhase, Message, Refused, Started, Stopped

from tests.cluster.protocol.sharding.noting import notes, without_notes

PEER, HOST, NEXT_HOST = (NodeId(name, 1, uid) for uid, name in enumerate(("peer", "host", "next"), 1))
SHARD = 7


class Part:
    """An owner, checked after each input. It follows HOST."""

    def __init__(self) -> None:
        self.machine = Owner[int]()
        self.notes: list[Note] = []
        """What operators have learnt."""
        self.give(Follow(HOST))

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        effects = self.machine.handle(given, now)
        self.machine.validate()
        self.notes += notes(effects)
        return without_notes(effects)

    def grant(self, epoch: int) -> list[Any]:
        return self.give(Received(HOST, Grant(1, SHARD, epoch)))

    def hand_off(self, epoch: int, now: float = 0.0) -> list[Any]:
        return self.give(Received(HOST, HandOff(1, SHARD, epoch)), now)

    def send(self, epoch: int) -> list[Any]:
        return self.give(Received(PEER, Message(shard=SHARD, epoch=epoch, entity="e", message=1)))


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def starting(part: Part) -> Part:
    part.grant(5)
    return part


@pytest.fixture
def running(starting: Part) -> Part:
    starting.give(Claimed(SHARD, 5))
    return starting


@pytest.fixture
def draining(running: Part) -> Part:
    running.hand_off(5)
    return running


def bounced(epoch: int) -> list[SendUser[Bounce[int]]]:
    return [SendUser(PEER, Bounce(shard=SHARD, epoch=epoch, entity="e", message=1))]


def report(outcome: Any, host: NodeId = HOST) -> SendSystem[Any]:
    return SendSystem(host, outcome)


def test_a_granted_shard_runs_once_its_fence_is_claimed(part: Part) -> None:
    assert part.grant(5) == [Claim(SHARD, 5)]
    assert part.machine.hosted == [Hosted(SHARD, 5, HostPhase.starting)]
    assert part.give(Claimed(SHARD, 5)) == [Run(SHARD, 5), report(Started(SHARD, 5)), Opened(SHARD, 5)]
    assert part.send(5) == [Deliver(shard=SHARD, entity="e", message=1)]


def test_a_refused_claim_is_reported_with_the_epoch_that_is_held(starting: Part) -> None:
    assert starting.give(ClaimRefused(SHARD, 5, 9)) == [report(Refused(SHARD, 5, 9))]
    assert starting.machine.hosted == []


def test_no_message_is_accepted_for_a_shard_that_does_not_run(part: Part) -> None:
    assert part.send(5) == bounced(5)
    part.grant(5)
    assert part.send(5) == bounced(5)


@pytest.mark.parametrize("epoch", [4, 6])
def test_no_message_is_accepted_at_another_epoch(running: Part, epoch: int) -> None:
    assert running.send(epoch) == bounced(epoch)
    assert not running.machine.accepts(SHARD, epoch)


def test_a_shard_that_is_handed_off_drains_first(running: Part) -> None:
    assert running.machine.accepts(SHARD, 5)
    assert running.hand_off(5) == [Drain(SHARD, 5), Closed(SHARD, 5)]
    assert running.send(5) == bounced(5)
    assert running.give(Drained(SHARD, 5)) == [report(Stopped(SHARD, 5))]
    assert running.machine.hosted == []


def test_a_hand_off_that_is_repeated_changes_nothing(draining: Part) -> None:
    assert draining.hand_off(5) == []


def test_a_shard_that_starts_is_handed_off_at_once(starting: Part) -> None:
    [halt, stopped] = starting.hand_off(5)
    assert isinstance(halt, Halt)
    assert stopped == report(Stopped(SHARD, 5))
    assert starting.give(Claimed(SHARD, 5)) == []


def test_each_hand_off_of_what_does_not_run_is_answered(running: Part) -> None:
    assert running.hand_off(4) == [report(Stopped(SHARD, 4))]
    assert running.machine.accepts(SHARD, 5)


def test_the_outcome_goes_to_the_coordinator_of_today(draining: Part) -> None:
    draining.give(Follow(NEXT_HOST))
    assert draining.give(Drained(SHARD, 5)) == [report(Stopped(SHARD, 5), NEXT_HOST)]


def test_entities_that_do_not_stop_in_time_are_cancelled_and_waited_for(running: Part) -> None:
    running.hand_off(5, now=1.0)
    assert running.machine.next_deadline() == 1.0 + DRAIN_TIMEOUT
    assert running.give(Tick(), DRAIN_TIMEOUT) == []
    [halt, warning] = running.give(Tick(), 1.0 + DRAIN_TIMEOUT)
    assert isinstance(halt, Halt)
    assert isinstance(warning, Warn)
    assert "shard 7 at epoch 5" in warning.text
    assert "10 s" in warning.text
    assert running.machine.hosted == [Hosted(SHARD, 5, HostPhase.draining)]
    assert running.machine.next_deadline() is None
    assert running.give(Drained(SHARD, 5)) == [report(Stopped(SHARD, 5))]


def test_a_pause_of_the_process_does_not_count_as_time_to_drain(running: Part) -> None:
    running.hand_off(5)
    resumed = DRAIN_TIMEOUT + PAUSE + 1.0
    assert running.give(Tick(), resumed) == []
    assert running.give(Tick(), resumed + DRAIN_TIMEOUT - 0.1) == []
    assert len(running.give(Tick(), resumed + DRAIN_TIMEOUT)) == 2


def test_a_fenced_shard_ends_at_once_and_the_coordinator_learns_it_before_it_is_asked_for_a_home(running: Part) -> None:
    [stopped, halt, closed] = running.give(Fenced(SHARD, 5))
    assert (stopped, closed) == (report(Stopped(SHARD, 5)), Closed(SHARD, 5))
    assert isinstance(halt, Halt)
    assert running.machine.hosted == []


def test_the_coordinator_learns_at_which_epoch_the_fence_of_a_fenced_shard_is_held(running: Part) -> None:
    assert running.give(Fenced(SHARD, 5, 9))[0] == report(Refused(SHARD, 5, 9))
    assert running.machine.hosted == []


def test_a_fenced_shard_that_drains_ends_at_once(draining: Part) -> None:
    [stopped, halt] = draining.give(Fenced(SHARD, 5))
    assert stopped == report(Stopped(SHARD, 5))
    assert isinstance(halt, Halt)
    assert draining.machine.next_deadline() is None
    assert draining.give(Drained(SHARD, 5)) == []


@pytest.mark.parametrize("late", [Claimed(SHARD, 4), ClaimRefused(SHARD, 4, 9), Drained(SHARD, 4), Fenced(SHARD, 4)])
@pytest.mark.parametrize("state", ["starting", "running", "draining"])
def test_outcomes_of_another_epoch_change_nothing(request: pytest.FixtureRequest, state: str, late: Any) -> None:
    part: Part = request.getfixturevalue(state)
    before = part.machine.hosted
    assert part.give(late) == []
    assert part.machine.hosted == before


@pytest.mark.parametrize("late", [Claimed(SHARD, 5), ClaimRefused(SHARD, 5, 9), Drained(SHARD, 5)])
def test_outcomes_that_do_not_fit_change_nothing(running: Part, late: Any) -> None:
    assert running.give(late) == []
    assert running.machine.accepts(SHARD, 5)


@pytest.mark.parametrize("state", ["starting", "running", "draining"])
def test_a_higher_grant_ends_what_is_held(request: pytest.FixtureRequest, state: str) -> None:
    part: Part = request.getfixturevalue(state)
    [halt, *closed, claim] = part.grant(6)
    assert isinstance(halt, Halt)
    assert halt.epoch == 5
    assert closed == ([Closed(SHARD, 5)] if state == "running" else [])
    assert claim == Claim(SHARD, 6)
    assert part.machine.hosted == [Hosted(SHARD, 6, HostPhase.starting)]
    assert part.machine.next_deadline() is None


@pytest.mark.parametrize("epoch", [4, 5])
def test_a_grant_that_is_not_higher_changes_nothing(running: Part, epoch: int) -> None:
    assert running.grant(epoch) == []
    assert running.machine.accepts(SHARD, 5)


def test_without_a_member_to_hand_them_to_all_shards_are_drained(running: Part) -> None:
    running.give(Received(HOST, Grant(1, 8, 5)))
    [drain, closed, halt, stopped] = running.give(DrainAll())
    assert (drain, closed, stopped) == (Drain(SHARD, 5), Closed(SHARD, 5), report(Stopped(8, 5)))
    assert isinstance(halt, Halt)
    assert running.give(DrainAll()) == []


def test_an_owner_that_has_no_coordinator_yet_reports_nothing() -> None:
    assert Owner[int]().handle(Received(HOST, HandOff(1, SHARD, 5)), 0.0) == []


def test_operators_learn_why_a_shard_starts_and_stops(part: Part) -> None:
    part.give(Received(HOST, Grant(1, SHARD, 5, "rebalanced")))
    assert part.notes == []
    part.give(Claimed(SHARD, 5))
    assert part.notes == [ShardRuns(SHARD, 5, ShardReason.rebalanced)]
    part.give(Received(HOST, HandOff(1, SHARD, 5, "leaving")))
    part.give(Drained(SHARD, 5))
    assert part.notes[1:] == [ShardEnds(SHARD, 5, ShardReason.leaving)]


def test_operators_learn_of_each_other_end_of_a_shard(running: Part) -> None:
    running.give(Fenced(SHARD, 5))
    running.grant(6)
    running.give(Claimed(SHARD, 6))
    running.grant(7)
    running.give(Claimed(SHARD, 7))
    running.give(DrainAll())
    running.give(Drained(SHARD, 7))
    ends = [note for note in running.notes if isinstance(note, ShardEnds)]
    reasons = (ShardReason.fenced, ShardReason.downed, ShardReason.shutdown)
    assert ends == [ShardEnds(SHARD, epoch, reason) for epoch, reason in enumerate(reasons, 5)]


def test_a_shard_that_has_not_started_does_not_stop(starting: Part) -> None:
    starting.hand_off(5)
    starting.grant(6)
    starting.give(ClaimRefused(SHARD, 6, 9))
    assert starting.notes == []


def test_a_reason_of_a_newer_version_is_another_one(part: Part) -> None:
    part.give(Received(HOST, Grant(1, SHARD, 5, "moonlight")))
    part.give(Claimed(SHARD, 5))
    assert part.notes == [ShardRuns(SHARD, 5, ShardReason.other)]
