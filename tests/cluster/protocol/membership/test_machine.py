"""The whole life of one node's membership: before it is in, and once it is out."""

from random import Random

import pytest
from casty.address import PeerAddress
from casty.member import Member, NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import Membership, MembershipSettings, compact
from casty_cluster.protocol.membership.effects import Effect, Ignored, Joined, Out, Refused, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Down, Input, Leave, Received, Start, Suspects
from casty_cluster.wire.membership import Answer, Downed, Goodbye, Join, Presence, Probe, Refusal

A, B, C = (NodeId(f"10.0.0.{uid}", 25520, uid) for uid in (1, 2, 3))
SEED = B.address
ELSEWHERE = Presence("bank", 2, 1, (SEED,))
FIRST = 7_000
"""The number of the first member of a cluster that a machine forms."""


def machine(*seeds: PeerAddress) -> Membership:
    settings = MembershipSettings(system="bank", seeds=seeds, configuration={"shards": "100"}, first_number=FIRST)
    local = Member(node=A, node_id="one", roles=("teller",))
    return Membership(local, settings, strategy=None, random=Random(0))


@pytest.fixture
def seeking() -> Membership:
    found = machine(SEED)
    assert [effect.to for effect in found.handle(Start(), 0.0) if isinstance(effect, Send)] == [SEED]
    return found


def cluster_of_b() -> GossipState:
    return GossipState.founded_by(Member(node=B, node_id="two"))


def with_a() -> GossipState:
    return cluster_of_b().set(Member(node=A, node_id="one")).changed_by(B)


@pytest.mark.parametrize("given", [Tick(), Suspects(frozenset()), Received(B, Probe(ELSEWHERE)), Down(B)])
def test_nothing_happens_before_the_start(given: Input) -> None:
    unborn = machine(SEED)
    assert unborn.handle(given, 0.0) == []
    assert unborn.next_deadline() is None


def test_a_second_start_does_nothing(seeking: Membership) -> None:
    assert seeking.handle(Start(), 0.1) == []


def test_a_node_without_seeds_is_a_cluster_at_once() -> None:
    alone = machine()
    assert Joined(A.uid) in alone.handle(Start(), 0.0)
    assert alone.state is not None
    assert alone.converged
    assert alone.state.members[A].up_number == FIRST


def test_its_request_to_join_has_all_that_matters(seeking: Membership) -> None:
    asked = Send(B, Join(B.uid, "bank", "one", ("teller",), {"shards": "100"}))
    assert seeking.handle(Received(B, Answer(A.uid, ELSEWHERE)), 0.1) == [asked]


def test_gossip_that_has_this_node_as_a_member_admits_it_and_is_confirmed(seeking: Membership) -> None:
    effects = seeking.handle(Received(B, compact.write(with_a(), A, 0.1)), 0.1)
    assert effects[0] == Joined(B.uid)
    assert [effect.to for effect in effects if isinstance(effect, Send)] == [B]
    assert seeking.state is not None
    assert seeking.state.seen == {A, B}
    seeking.validate()


@pytest.mark.parametrize(
    "state",
    [
        cluster_of_b(),
        with_a().remove([B], 0.0).changed_by(A),
        with_a().remove([A], 0.0).changed_by(B),
    ],
    ids=["without it", "without its sender", "after its removal"],
)
def test_other_gossip_does_not(seeking: Membership, state: GossipState) -> None:
    (ignored,) = seeking.handle(Received(B, compact.write(state, A, 0.1)), 0.1)
    assert isinstance(ignored, Ignored)
    assert seeking.state is None


def test_what_is_meant_for_an_earlier_incarnation_does_not_count(seeking: Membership) -> None:
    for message in (
        compact.write(with_a(), NodeId(A.host, A.port, 99), 0.1),
        Answer(99, ELSEWHERE),
        Refusal(99, "no", final=True),
        Downed(99, 2, 1, 2),
        Goodbye(2),
    ):
        (ignored,) = seeking.handle(Received(B, message), 0.1)
        assert isinstance(ignored, Ignored)


NO = rf"{B.address} claims: no\n2026-01-01 ERROR forged"


def test_a_final_refusal_is_the_end(seeking: Membership) -> None:
    assert seeking.handle(Received(B, Refusal(A.uid, "no\n2026-01-01 ERROR forged", final=False)), 0.1) == [
        Refused(NO, final=False)
    ]
    assert seeking.handle(Received(B, Refusal(A.uid, "no\n2026-01-01 ERROR forged", final=True)), 0.1) == [
        Refused(NO, final=True)
    ]
    assert seeking.next_deadline() is None
    assert seeking.handle(Tick(), 10.0) == []


def test_a_probe_of_another_system_is_refused_and_gives_nothing_away(seeking: Membership) -> None:
    (refused,) = seeking.handle(Received(B, Probe(ELSEWHERE._replace(system="shop"))), 0.1)
    assert isinstance(refused, Send)
    assert isinstance(refused.message, Refusal)
    assert "'shop', and the node that it asked to 'bank'" in refused.message.reason


def test_a_node_that_was_admitted_and_downed_meanwhile_rejoins_as_another_incarnation(seeking: Membership) -> None:
    seeking.handle(Received(B, Answer(A.uid, ELSEWHERE)), 0.1)
    (out,) = seeking.handle(Received(B, Downed(A.uid, 2, 1, 2)), 0.1)
    assert isinstance(out, Out)
    assert out.rejoin
    assert out.contacts == (B.address,)


def test_one_can_leave_before_one_is_in(seeking: Membership) -> None:
    (out,) = seeking.handle(Leave(), 0.1)
    assert isinstance(out, Out)
    assert not out.rejoin


def test_once_it_is_out_nothing_happens_any_more() -> None:
    gone = machine()
    gone.handle(Start(), 0.0)
    effects: list[Effect] = gone.handle(Leave(), 1.0)
    assert any(isinstance(effect, Out) for effect in effects)
    assert gone.handle(Received(B, Probe(ELSEWHERE)), 2.0) == []
    assert gone.next_deadline() is None
    gone.validate()


def test_only_a_member_that_was_asked_to_join_can_say_that_this_node_was_downed(seeking: Membership) -> None:
    """Not just any peer that has proved that it knows the cookie, nor a seed node that was probed."""
    seeking.handle(Received(B, Answer(A.uid, ELSEWHERE)), 0.1)
    for sender in (C, NodeId(B.host, B.port, 99)):
        (ignored,) = seeking.handle(Received(sender, Downed(A.uid, 2, 1, 2)), 0.1)
        assert isinstance(ignored, Ignored)
    fresh = machine(SEED)
    fresh.handle(Start(), 0.0)
    (ignored,) = fresh.handle(Received(B, Downed(A.uid, 2, 1, 2)), 0.1)
    assert isinstance(ignored, Ignored)
    assert fresh.next_deadline() is not None


def test_a_refusal_of_a_peer_that_was_not_asked_does_not_count(seeking: Membership) -> None:
    (ignored,) = seeking.handle(Received(C, Refusal(A.uid, "no", final=True)), 0.1)
    assert isinstance(ignored, Ignored)
    assert seeking.next_deadline() is not None


def test_a_member_that_was_asked_to_join_may_refuse_although_it_is_no_seed(seeking: Membership) -> None:
    seeking.handle(Received(C, Probe(ELSEWHERE)), 0.1)
    (refused,) = seeking.handle(Received(C, Refusal(A.uid, "no", final=True)), 0.1)
    assert isinstance(refused, Refused)
