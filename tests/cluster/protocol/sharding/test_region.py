"""A region: the promise to one coordinator, and what its sender and its owner learn from each other."""

from typing import Any

import pytest
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.effects import Claim, Deliver, Drain, Run, SendUser, Warn
from casty_cluster.protocol.sharding.inputs import (
    Bounced,
    Claimed,
    Connected,
    Dispatch,
    Drained,
    Enable,
    Quiesce,
    Received,
)
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.protocol.sharding.region import CHUNK, Region
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import (
    Bounce,
    Flush,
    FlushAck,
    Forget,
    Forgotten,
    GetHome,
    Grant,
    HandOff,
    Hello,
    HostPhase,
    MayStop,
    Message,
    Register,
    Report,
    ShardHome,
    Started,
    Stopped,
)

from tests.cluster.protocol.sharding.membership import A, B, C, D, viewed
from tests.cluster.protocol.sharding.noting import without_notes

SHARD = 7


class Part:
    """The region of D. A has the lowest number, so it is the host."""

    def __init__(self, *, able: bool = True) -> None:
        self.machine = Region[int](D, 10_000, able=able)

    def give(self, given: Any, now: float = 0.0) -> list[Any]:
        effects = self.machine.handle(given, now)
        self.machine.validate()
        return without_notes(effects)


@pytest.fixture
def part() -> Part:
    part = Part()
    part.give(viewed(D, [A, B, C, D]))
    part.give(Received(A, Hello(1, 10_000)))
    return part


@pytest.fixture
def running(part: Part) -> Part:
    part.give(Received(A, Grant(1, SHARD, 5)))
    part.give(Claimed(SHARD, 5))
    return part


def send(number: int) -> Dispatch[int]:
    return Dispatch(shard=SHARD, entity="e", message=number)


def report(term: int, *hosted: Hosted, able: bool = True, last: bool = True) -> Report:
    return Report(term=term, able=able, num_shards=10_000, hosted=hosted, last=last)


def test_the_first_hello_of_a_term_is_answered_with_a_report(running: Part) -> None:
    hosted = Hosted(SHARD, 5, HostPhase.running)
    assert running.give(Received(B, Hello(2, 10_000))) == [SendSystem(B, report(2, hosted))]
    assert running.give(Received(B, Hello(2, 10_000))) == []
    assert running.give(Received(A, Hello(1, 10_000))) == []


def test_another_number_of_shards_than_the_coordinator_has_is_a_warning_here_too(part: Part) -> None:
    [_, warning] = part.give(Received(B, Hello(2, 64)))
    assert isinstance(warning, Warn)
    assert "num_shards=10000" in warning.text
    assert f"the coordinator {B} with num_shards=64" in warning.text


def test_a_long_report_comes_in_chunks(part: Part) -> None:
    for shard in range(2 * CHUNK + 1):
        part.machine.handle(Received(A, Grant(1, shard, 5)), 0.0)
    reports = [effect.message for effect in part.give(Received(B, Hello(2, 10_000)))]
    assert [len(report.hosted) for report in reports] == [CHUNK, CHUNK, 1]
    assert [report.last for report in reports] == [False, False, True]
    assert len({shard for report in reports for shard, _, _ in report.hosted}) == 2 * CHUNK + 1


@pytest.mark.parametrize(
    "stale",
    [
        Grant(1, 8, 6),
        HandOff(1, SHARD, 5),
        ShardHome(term=1, shard=8, owner=B, epoch=6),
        Forget(1, C),
        MayStop(1),
    ],
)
def test_after_the_promise_nothing_of_an_older_coordinator_counts(running: Part, stale: Any) -> None:
    running.give(Received(B, Hello(2, 10_000)))
    running.give(Dispatch(shard=8, entity="e", message=1))
    assert running.give(Received(A, stale)) == []
    assert running.machine.owner.accepts(SHARD, 5)
    assert not running.machine.may_leave


@pytest.mark.parametrize("greeting_first", [True, False])
def test_where_all_members_are_gone_but_joining_ones_numbers_begin_again(greeting_first: bool) -> None:
    part, greeting, view = Part(), Received(A, Hello(1, 10_000)), viewed(D, [A, D])
    part.give(viewed(D, [C], joining=[A, D]))
    part.give(Received(C, Hello(3, 10_000)))
    inputs = [greeting, view] if greeting_first else [view, greeting]
    assert SendSystem(A, report(1)) in [effect for given in inputs for effect in part.give(given)]
    assert part.give(Received(A, Grant(1, SHARD, 5))) == [Claim(SHARD, 5)]


def test_a_late_view_does_not_end_a_promise(part: Part) -> None:
    part.give(Received(B, Hello(2, 10_000)))
    part.give(viewed(D, [A, B, C, D], joining=[]))
    assert part.give(Received(A, Grant(1, SHARD, 5))) == []
    assert part.give(Received(B, Grant(2, SHARD, 5))) == [Claim(SHARD, 5)]


def test_a_node_that_leaves_takes_no_shard_any_more_and_replies_to_its_hand_off(part: Part) -> None:
    part.give(viewed(D, [A, B, C, D], retiring=[D]))
    assert part.give(Received(A, Grant(1, SHARD, 5))) == []
    assert part.give(Received(A, HandOff(1, SHARD, 5))) == [SendSystem(A, Stopped(SHARD, 5))]


def test_nor_what_another_node_says_in_the_name_of_the_term(running: Part) -> None:
    assert running.give(Received(B, HandOff(1, SHARD, 5))) == []


def test_the_sender_learns_at_once_what_starts_and_ends_here(part: Part) -> None:
    assert part.give(send(1)) == [SendSystem(A, GetHome(SHARD, 0))]
    assert part.give(Received(A, Grant(1, SHARD, 5))) == [Claim(SHARD, 5)]
    started = part.give(Claimed(SHARD, 5))
    assert started == [
        Run(SHARD, 5),
        SendSystem(A, Started(SHARD, 5)),
        Deliver(shard=SHARD, entity="e", message=1),
    ]
    assert part.give(Received(A, HandOff(1, SHARD, 5))) == [Drain(SHARD, 5)]
    assert part.give(send(2)) == [SendSystem(A, GetHome(SHARD, 5))]
    assert part.give(Drained(SHARD, 5)) == [SendSystem(A, Stopped(SHARD, 5))]


def test_messages_of_other_nodes_are_accepted_or_bounced(running: Part) -> None:
    message = Message(shard=SHARD, epoch=5, entity="e", message=1)
    assert running.give(Received(B, message)) == [Deliver(shard=SHARD, entity="e", message=1)]
    stale = Message(shard=SHARD, epoch=4, entity="e", message=1)
    assert running.give(Received(B, stale)) == [SendUser(B, stale.bounce())]


def test_each_flush_is_answered_on_the_user_lane(part: Part) -> None:
    assert part.give(Received(B, Flush(SHARD, 3))) == [SendUser(B, FlushAck(SHARD, 3))]


def test_bounces_replies_and_connections_reach_the_sender(part: Part) -> None:
    part.give(send(1))
    part.give(Received(A, ShardHome(term=1, shard=SHARD, owner=B, epoch=5)))
    bounce = Bounce(shard=SHARD, epoch=5, entity="e", message=1)
    assert part.give(Bounced(node=B, bounce=bounce))[0] == SendUser(B, Flush(SHARD, 1))
    assert part.give(Connected(B)) == [SendUser(B, Flush(SHARD, 1))]
    assert part.machine.next_deadline() == 1.0
    assert part.give(Tick(), 1.0) == [SendUser(B, Flush(SHARD, 1))]
    part.give(Received(A, ShardHome(term=1, shard=SHARD, owner=C, epoch=6)))
    assert [effect.to for effect in part.give(Received(B, FlushAck(SHARD, 1)))] == [C]


def test_a_node_leaves_when_no_message_is_under_way_to_it_or_from_it(running: Part) -> None:
    running.give(Received(A, Forget(1, C)))
    running.give(Quiesce())
    running.give(Received(A, MayStop(1)))
    assert not running.machine.may_leave
    running.give(Received(A, HandOff(1, SHARD, 5)))
    assert not running.machine.may_leave
    running.give(Drained(SHARD, 5))
    assert running.machine.may_leave
    running.give(send(1))
    assert not running.machine.may_leave


def test_a_new_coordinator_has_to_allow_the_leave_again(part: Part) -> None:
    part.give(Received(A, MayStop(1)))
    assert part.machine.may_leave
    part.give(Received(B, Hello(2, 10_000)))
    assert not part.machine.may_leave
    part.give(Received(B, MayStop(2)))
    assert part.machine.may_leave


def test_where_all_members_leave_each_drains_its_shards_by_itself(running: Part) -> None:
    members = [A, B, C, D]
    assert running.give(viewed(D, members, retiring=[A, B, C])) == [SendSystem(D, Register())]
    assert running.give(viewed(D, members, retiring=members)) == [Drain(SHARD, 5)]
    assert not running.machine.may_leave
    assert running.give(Received(A, Grant(1, 8, 6))) == []
    running.give(Drained(SHARD, 5))
    assert running.machine.may_leave


def test_a_region_that_is_spawned_late_registers_at_the_coordinator() -> None:
    part = Part(able=False)
    assert part.give(viewed(D, [A, D])) == []
    assert part.give(Received(A, Hello(1, 10_000))) == [SendSystem(A, report(1, able=False))]
    assert part.give(Enable()) == [SendSystem(A, Register())]
    assert part.give(Enable()) == []
    assert part.give(Received(B, Hello(2, 10_000))) == [SendSystem(B, report(2))]


def test_a_region_registers_at_each_new_host_which_may_not_know_it() -> None:
    part = Part()
    assert part.give(viewed(D, [A, B, D])) == [SendSystem(A, Register())]
    assert part.give(viewed(D, [A, B, C, D])) == []
    assert part.give(viewed(D, [B, C, D])) == [SendSystem(B, Register())]
    part.give(Received(C, Hello(3, 10_000)))
    assert part.give(viewed(D, [C, D])) == []  # it has greeted already


def test_a_region_that_is_spawned_before_it_knows_a_coordinator_registers_at_the_host() -> None:
    part = Part(able=False)
    part.give(viewed(D, [A, D]))
    assert part.give(Enable()) == [SendSystem(A, Register())]


def test_downed_members_count_as_removed(part: Part) -> None:
    part.give(send(1))
    part.give(Received(A, ShardHome(term=1, shard=SHARD, owner=B, epoch=5)))
    part.give(viewed(D, [A, C, D], down=[B]))
    assert part.give(send(2)) == [SendSystem(A, GetHome(SHARD, 5))]


def test_a_leaver_is_forgotten_by_a_node_that_has_no_home_there(part: Part) -> None:
    assert part.give(Received(A, Forget(1, C))) == [SendSystem(A, Forgotten(1, C))]
