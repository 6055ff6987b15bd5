"""The sender: each message reaches the home of its shard or comes back, and none overtakes another one."""

from typing import cast

import pytest
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.effects import Closed, Deliver, Drop, DropCause, Opened
from casty_cluster.protocol.sharding.inputs import (
    Connected,
    Dispatch,
    Follow,
    Present,
    Quiesce,
    Received,
)
from casty_cluster.protocol.sharding.sender import FLUSH_AGAIN, TELL_TIMEOUT, Sender
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import Forget, Forgotten, ShardHome

from tests.cluster.protocol.sharding.sending import (
    ALL,
    HERE,
    HOST,
    NEXT_HOST,
    SHARD,
    A,
    B,
    Part,
    ask,
    flush,
    part_at_a,
    to,
)


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def at_a() -> Part:
    return part_at_a()


def here(number: int) -> Deliver[int]:
    return Deliver(shard=SHARD, entity="e", message=number)


def test_the_first_message_asks_for_the_home_once_and_all_wait_for_it(part: Part) -> None:
    assert part.send(1) == [ask(0)]
    assert part.send(2) == []
    assert part.home(A, 5) == [to(A, 5, 1), to(A, 5, 2)]
    assert part.send(3) == [to(A, 5, 3)]


def test_each_shard_has_a_home_of_its_own(part: Part) -> None:
    part.send(1, shard=1)
    assert part.send(2, shard=2) == [ask(0, shard=2)]
    assert part.home(A, 5, shard=2) == [to(A, 5, 2, shard=2)]


def test_messages_for_a_shard_that_runs_here_are_delivered_here(part: Part) -> None:
    part.send(1)
    assert part.give(Opened(SHARD, 5)) == [here(1)]
    assert part.send(2) == [here(2)]
    assert part.machine.is_quiet


def test_returned_messages_go_to_the_next_home_before_those_that_were_sent_since(at_a: Part) -> None:
    at_a.send(1)
    at_a.send(2)
    assert at_a.bounce(A, 5, 1) == [flush(A, 1), ask(5)]
    assert at_a.send(3) == []
    assert at_a.bounce(A, 5, 2) == []
    assert at_a.home(B, 6) == []  # what is under way to A may still come back
    assert at_a.acknowledge(A, 1) == [to(B, 6, 1), to(B, 6, 2), to(B, 6, 3)]


def test_the_next_home_may_become_known_after_the_flush(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    assert at_a.acknowledge(A, 1) == []
    assert at_a.home(A, 6) == [to(A, 6, 0)]


def test_a_newer_home_is_entered_only_after_a_flush_of_the_old_one(at_a: Part) -> None:
    assert at_a.home(B, 6) == [flush(A, 1)]
    assert at_a.send(1) == []
    assert at_a.acknowledge(A, 1) == [to(B, 6, 1)]


def test_the_newest_home_of_several_is_the_next_one(at_a: Part) -> None:
    at_a.home(B, 7)
    at_a.home(A, 6)
    at_a.send(1)
    assert at_a.acknowledge(A, 1) == [to(B, 7, 1)]


def test_a_home_on_this_node_ends_without_a_flush(part: Part) -> None:
    part.give(Opened(SHARD, 5))
    assert part.give(Closed(SHARD, 5)) == []
    assert part.send(1) == [ask(5)]


def test_a_home_that_was_left_is_not_entered_again(part: Part) -> None:
    part.give(Opened(SHARD, 5))
    part.give(Closed(SHARD, 5))
    part.send(1)
    assert part.home(A, 5) == part.home(A, 4) == []
    assert part.home(HERE, 6) == []  # it is learned from the owner
    assert part.home(A, 7) == [to(A, 7, 1)]


def test_a_next_home_on_this_node_that_closes_during_the_flush_is_forgotten(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.give(Opened(SHARD, 6))
    assert at_a.give(Closed(SHARD, 6)) == [ask(6)]
    assert at_a.acknowledge(A, 1) == []
    assert at_a.home(B, 7) == [to(B, 7, 0)]


def test_a_repeated_flush_ends_once_and_its_second_reply_does_not_end_the_next_flush(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    assert at_a.give(Tick(), FLUSH_AGAIN - 0.1) == []
    assert at_a.give(Tick(), FLUSH_AGAIN) == [flush(A, 1)]
    assert at_a.machine.next_deadline() == 2 * FLUSH_AGAIN
    at_a.acknowledge(A, 1)
    at_a.home(A, 6)
    assert at_a.bounce(A, 6, 0) == [flush(A, 2), ask(6)]
    assert at_a.acknowledge(A, 1) == []
    at_a.home(B, 7)
    assert at_a.acknowledge(A, 2) == [to(B, 7, 0)]


def test_only_the_node_that_was_flushed_ends_the_flush(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.acknowledge(B, 1) == []


def test_a_flush_is_repeated_on_a_new_connection_to_its_node(at_a: Part) -> None:
    assert at_a.give(Connected(A)) == []
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.give(Connected(B)) == []
    assert at_a.give(Connected(A)) == [flush(A, 1)]


def test_a_removed_owner_ends_the_home_and_its_flush(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.give(Present(ALL - {A}, is_up=True)) == [to(B, 6, 0)]
    assert at_a.give(Present(ALL - {A, B}, is_up=True)) == []
    assert at_a.send(1) == [ask(6)]


def test_a_removed_next_home_is_not_entered(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.give(Present(ALL - {B}, is_up=True)) == [ask(6)]
    assert at_a.acknowledge(A, 1) == []


def test_a_home_on_a_removed_node_is_asked_past(part: Part) -> None:
    part.give(Present(ALL - {A}, is_up=True))
    part.send(1)
    assert part.home(A, 5) == [ask(5)]


@pytest.mark.parametrize(("owner", "epoch"), [(B, 5), (A, 4), (A, 6)])
def test_a_message_from_another_home_than_this_one_is_a_dead_letter(at_a: Part, owner: NodeId, epoch: int) -> None:
    [dropped] = at_a.bounce(owner, epoch, 9)
    assert isinstance(dropped, Drop)
    assert dropped.cause is DropCause.late_bounce
    assert str(owner) in dropped.reason


def test_nothing_is_asked_before_this_node_is_up() -> None:
    part = Part(is_up=False)
    assert part.send(1) == []
    assert part.give(Present(ALL, is_up=True)) == [ask(0)]


def test_nothing_is_asked_before_a_coordinator_is_known() -> None:
    machine = Sender[int](HERE)
    machine.handle(Present(ALL, is_up=True), 0.0)
    assert machine.handle(Dispatch(shard=SHARD, entity="e", message=1), 0.0) == []
    assert machine.handle(Follow(HOST), 0.0) == [ask(0)]


def test_a_new_coordinator_is_asked_again(at_a: Part) -> None:
    at_a.send(1, shard=1)
    at_a.bounce(A, 5, 0)
    effects = at_a.give(Follow(NEXT_HOST))
    assert sorted(effects, key=str) == [ask(0, shard=1, host=NEXT_HOST), ask(5, host=NEXT_HOST)]


def test_a_new_coordinator_is_not_asked_for_what_is_known(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.give(Follow(NEXT_HOST)) == []


def test_a_request_of_messages_that_have_expired_is_repeated_at_a_new_coordinator(part: Part) -> None:
    part.send(1, deadline=1.0)
    part.give(Tick(), 1.0)
    assert part.give(Follow(NEXT_HOST)) == []
    assert part.send(2) == [ask(0, host=NEXT_HOST)]


def test_a_leaver_without_homes_of_this_node_is_forgotten_at_once(part: Part) -> None:
    assert part.give(Received(HOST, Forget(3, A))) == [SendSystem(HOST, Forgotten(3, A))]


def test_a_leaver_is_forgotten_when_nothing_is_under_way_to_it(at_a: Part) -> None:
    assert at_a.give(Received(HOST, Forget(3, A))) == [flush(A, 1)]
    assert at_a.send(1) == [ask(5)]
    assert at_a.acknowledge(A, 1) == [SendSystem(HOST, Forgotten(3, A))]
    assert at_a.home(B, 6) == [to(B, 6, 1)]


def test_a_leaver_is_forgotten_when_it_is_removed(at_a: Part) -> None:
    at_a.give(Received(HOST, Forget(3, A)))
    assert at_a.give(Present(ALL - {A}, is_up=True)) == [SendSystem(HOST, Forgotten(3, A))]


def test_a_next_home_on_a_leaver_is_forgotten(at_a: Part) -> None:
    at_a.bounce(A, 5, 0)
    at_a.home(B, 6)
    assert at_a.give(Received(HOST, Forget(3, B))) == [ask(6), SendSystem(HOST, Forgotten(3, B))]


def test_a_new_coordinator_does_not_learn_of_leavers_that_the_old_one_asked_about(at_a: Part) -> None:
    at_a.give(Received(HOST, Forget(3, A)))
    at_a.give(Follow(NEXT_HOST))
    assert at_a.acknowledge(A, 1) == []


def test_a_leaver_learns_that_all_it_has_sent_has_arrived(at_a: Part) -> None:
    assert not at_a.machine.is_quiet
    assert at_a.give(Quiesce()) == [flush(A, 1)]
    assert at_a.send(1) == [to(A, 5, 1), flush(A, 2)]
    at_a.acknowledge(A, 1)
    assert not at_a.machine.is_quiet
    assert at_a.acknowledge(A, 2) == []
    assert at_a.machine.is_quiet
    assert at_a.send(2) == [to(A, 5, 2), flush(A, 3)]


def test_a_leaver_sends_on_what_comes_back_and_waits_for_that_too(at_a: Part) -> None:
    at_a.give(Quiesce())
    assert at_a.bounce(A, 5, 0) == [flush(A, 2), ask(5)]
    assert at_a.acknowledge(A, 1) == []
    at_a.home(B, 6)
    assert at_a.acknowledge(A, 2) == [to(B, 6, 0), flush(B, 3)]
    assert not at_a.machine.is_quiet
    at_a.acknowledge(B, 3)
    assert at_a.machine.is_quiet


def test_the_buffer_is_bounded_for_all_shards_together() -> None:
    part = Part(capacity=2)
    part.send(1, shard=1)
    part.send(2, shard=2)
    [dropped] = part.send(3, shard=3)
    assert isinstance(dropped, Drop)
    assert dropped.cause is DropCause.overflow
    assert "2 messages of 2 bytes wait" in dropped.reason
    assert "at most 2 messages of" in dropped.reason


def test_a_returned_message_displaces_the_newest_that_waits() -> None:
    part = Part(capacity=1)
    part.send(0)
    part.home(A, 5)
    part.send(1, shard=1)
    effects = part.bounce(A, 5, 0)
    dropped = [cast(Drop[int], effect) for effect in effects if isinstance(effect, Drop)]
    assert [(drop.message, drop.cause) for drop in dropped] == [(1, DropCause.overflow)]


def test_a_tell_waits_its_time_and_an_ask_until_its_own_deadline(part: Part) -> None:
    part.send(1, now=1.0)
    part.send(2, now=1.0, deadline=5.0)
    assert part.give(Tick(), 4.9) == []
    [ask_expired] = part.give(Tick(), 5.0)
    [tell_expired] = part.give(Tick(), 1.0 + TELL_TIMEOUT)
    assert (ask_expired.message, tell_expired.message) == (2, 1)
    assert tell_expired.cause is DropCause.expired
    assert tell_expired.reason.startswith("shard 7 had no home in time")
    assert f"the coordinator {HOST} has named no node" in tell_expired.reason


def test_the_reason_of_an_expired_message_names_what_was_missing() -> None:
    machine = Sender[int](HERE)
    machine.handle(Dispatch(shard=SHARD, entity="e", message=1), 0.0)
    [dropped] = machine.handle(Tick(), TELL_TIMEOUT)
    assert isinstance(dropped, Drop)
    assert "no coordinator of the region has contacted this node" in dropped.reason
    part = Part(is_up=False)
    part.send(1)
    [dropped] = part.give(Tick(), TELL_TIMEOUT)
    assert "this node is not up yet" in dropped.reason


def test_the_home_may_be_taken_without_a_dispatch(at_a: Part) -> None:
    assert at_a.machine.home(SHARD) == (A, 5)
    assert at_a.machine.home(8) is None
    at_a.bounce(A, 5, 0)
    assert at_a.machine.home(SHARD) is None


def test_a_message_that_took_the_home_without_a_dispatch_is_waited_for_before_this_node_leaves(part: Part) -> None:
    part.home(A, 5)
    assert part.machine.is_quiet
    assert part.machine.home(SHARD) == (A, 5)
    assert not part.machine.is_quiet
    assert part.give(Quiesce()) == [flush(A, 1)]
    assert part.machine.home(SHARD) is None


def test_what_waits_at_the_end_is_returned(part: Part) -> None:
    part.send(1)
    part.send(2, shard=8)
    assert [kept.message for kept in part.machine.close()] == [1, 2]
    assert part.machine.is_quiet


def test_ten_thousand_homes_on_a_removed_node_end_at_once(part: Part) -> None:
    for shard in range(10_000):
        part.machine.handle(Received(HOST, ShardHome(term=1, shard=shard, owner=A, epoch=5)), 0.0)
    assert part.give(Present(ALL - {A}, is_up=True)) == []
    assert part.send(1, shard=9_999) == [ask(5, shard=9_999)]
