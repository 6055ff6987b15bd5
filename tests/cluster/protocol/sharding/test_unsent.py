"""Messages that the transport has not sent: they wait for their shard's home, in their order."""

import pytest
from casty.member import NodeId
from casty_cluster.protocol.sharding.effects import Drop, DropCause
from casty_cluster.protocol.sharding.inputs import Connected, Present, Received
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.sharding import Forget, Forgotten

from tests.cluster.protocol.sharding.sending import ALL, HOST, SHARD, A, B, Part, ask, flush, part_at_a, to


@pytest.fixture
def at_a() -> Part:
    return part_at_a()


def test_what_could_not_be_sent_goes_to_the_same_home_when_that_replies(at_a: Part) -> None:
    at_a.send(1)
    at_a.send(2)
    assert at_a.unsent(A, 5, 1) == [flush(A, 1)]
    assert at_a.unsent(A, 5, 2) == []
    assert at_a.send(3) == []
    assert "cannot be reached" in (at_a.machine.why_waiting(SHARD) or "")
    assert at_a.give(Connected(A)) == [flush(A, 1)]
    assert at_a.acknowledge(A, 1) == [to(A, 5, 1), to(A, 5, 2), to(A, 5, 3)]
    assert at_a.send(4) == [to(A, 5, 4)]


def test_what_could_not_be_sent_goes_behind_what_comes_back(at_a: Part) -> None:
    at_a.send(1)
    at_a.unsent(A, 5, 1)
    at_a.send(2)
    assert at_a.bounce(A, 5, 0) == [ask(5)]
    assert at_a.home(B, 6) == []
    assert at_a.acknowledge(A, 1) == [to(B, 6, 0), to(B, 6, 1), to(B, 6, 2)]


@pytest.mark.parametrize("removed_first", [False, True])
def test_what_could_not_be_sent_to_a_removed_owner_goes_to_the_next_one(at_a: Part, removed_first: bool) -> None:
    at_a.send(1)
    if removed_first:
        assert at_a.give(Present(ALL - {A}, is_up=True)) == []
        assert at_a.unsent(A, 5, 1) == [ask(5)]
    else:
        at_a.unsent(A, 5, 1)
        assert at_a.give(Present(ALL - {A}, is_up=True)) == [ask(5)]
    assert at_a.home(B, 6) == [to(B, 6, 1)]


def test_what_another_incarnation_returns_waits_until_the_owner_is_removed(at_a: Part) -> None:
    started_again = NodeId(A.host, A.port, 99)
    at_a.send(1)
    at_a.send(2)
    assert at_a.bounce(started_again, 5, 1) == [flush(A, 1)]
    assert at_a.bounce(started_again, 5, 2) == []
    assert at_a.acknowledge(started_again, 1) == []
    assert at_a.send(3) == []
    assert at_a.give(Present(ALL - {A}, is_up=True)) == [ask(5)]
    assert at_a.home(B, 6) == [to(B, 6, 1), to(B, 6, 2), to(B, 6, 3)]


@pytest.mark.parametrize(("node", "epoch"), [(B, 5), (NodeId(A.host, A.port, 99), 4)])
def test_what_comes_back_from_elsewhere_is_lost(node: NodeId, epoch: int, at_a: Part) -> None:
    [dropped] = at_a.bounce(node, epoch, 0)
    assert isinstance(dropped, Drop)
    assert dropped.cause is DropCause.late_bounce


def test_what_could_not_be_sent_never_overtakes_what_went_to_the_next_home(at_a: Part) -> None:
    at_a.send(1)
    at_a.give(Present(ALL - {A}, is_up=True))
    at_a.send(2)
    assert at_a.home(B, 6) == [to(B, 6, 2)]
    [dropped] = at_a.unsent(A, 5, 1)
    assert dropped == Drop(shard=SHARD, entity="e", message=1, cause=DropCause.unsent, reason=dropped.reason)


def test_a_leaver_that_cannot_be_reached_is_left_by_what_could_not_be_sent(at_a: Part) -> None:
    at_a.send(1)
    at_a.unsent(A, 5, 1)
    assert at_a.give(Received(HOST, Forget(3, A))) == [ask(5)]
    assert at_a.acknowledge(A, 1) == [SendSystem(HOST, Forgotten(3, A))]
    assert at_a.home(B, 6) == [to(B, 6, 1)]
