"""What a member takes from others and what not, message by message."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership import compact
from casty_cluster.protocol.membership.effects import Cause, Effect, Ignored, MembersChanged, Out, Send
from casty_cluster.protocol.membership.gossip import GossipState
from casty_cluster.protocol.membership.inputs import Down, Leave, Received, Replaced, Suspects
from casty_cluster.wire.membership import (
    Dissolve,
    Downed,
    Goodbye,
    Gossip,
    Join,
    Presence,
    Probe,
    Refusal,
)

from tests.cluster.protocol.membership.part import (
    NOW,
    SETTINGS,
    STATE,
    A,
    B,
    C,
    D,
    Part,
    downed,
    outs,
    participant,
    sent,
    state_of,
    status,
    up,
)


def test_what_is_new_is_taken_and_confirmed(part: Part) -> None:
    newer = STATE.observe(B, frozenset({C})).changed_by(B)
    effects = part.hears(B, newer)
    assert part.state.unreachable == {C}
    assert sent(effects) == [(B, Gossip)]
    (answer,) = [effect.message for effect in effects if isinstance(effect, Send)]
    assert isinstance(answer, Gossip)
    assert compact.read(answer, NOW).clock == newer.clock, "a merge is no change"


def test_a_member_that_knows_less_gets_the_state(part: Part) -> None:
    older = state_of(B, A, C)
    part.machine.handle(Down(C), NOW)
    assert sent(part.hears(B, older)) == [(B, Gossip)]


def test_a_member_that_knows_the_same_gets_no_reply(part: Part) -> None:
    assert sent(part.hears(B, part.state)) == []


def test_concurrent_changes_are_both_kept(part: Part) -> None:
    part.machine.handle(Suspects(frozenset({C})), NOW)
    part.hears(B, STATE.observe(B, frozenset({C})).changed_by(B))
    assert part.state.reachability.observations(part.state.alive) == {A: {C}, B: {C}}


IGNORED: dict[str, tuple[Callable[[Part], list[Effect]], str]] = {
    "another incarnation's": (
        lambda part: part.receive(B, compact.write(downed(STATE, C, by=B), D, NOW)),
        "another incarnation",
    ),
    "too old": (lambda part: part.hears(B, downed(STATE, C, by=B), waited=2.5), "waited 2.5 s"),
    "another cluster's": (
        lambda part: part.hears(B, replace(downed(STATE, C, by=B), cluster=99)),
        "another cluster",
    ),
    "a stranger's": (
        lambda part: part.hears(D, downed(state_of(B, A, C, D), C, by=B)),
        "this node does not know yet that it is a member",
    ),
    "of others only": (lambda part: part.hears(B, downed(state_of(B, C), C, by=B)), "does not know this node"),
    "damaged": (
        lambda part: part.receive(B, compact.write(downed(STATE, C, by=B), A, NOW)._replace(clock=())),
        "damaged",
    ),
}


@pytest.mark.parametrize("case", IGNORED)
def test_gossip_does_not_count_that_is(part: Part, case: str) -> None:
    hear, reason = IGNORED[case]
    before = part.state
    effects = hear(part)
    assert [effect.reason for effect in effects if isinstance(effect, Ignored) and reason in effect.reason]
    assert part.state == before


def test_a_downed_node_is_notified_and_its_state_does_not_count(part: Part) -> None:
    part.machine.handle(Down(C), NOW)
    before = part.state
    assert sent(part.hears(C, STATE.observe(C, frozenset({B})).changed_by(C))) == [(C, Downed)]
    assert part.state == before


def test_a_forgotten_node_is_recognized_by_its_old_state_and_notified(part: Part) -> None:
    """Its tombstone is gone, and yet it knows nothing new."""
    old = replace(STATE, members={**STATE.members, D: up(D)}).changed_by(D)
    assert sent(part.hears(D, old)) == [(D, Downed)]


def test_a_node_that_other_members_have_admitted_is_no_such_node(part: Part) -> None:
    assert sent(part.hears(D, STATE.set(up(D)).changed_by(B))) == []


@pytest.mark.parametrize(
    "state", [downed(STATE, A, by=B), STATE.remove([A], NOW).changed_by(B)], ids=["downed", "removed"]
)
def test_a_member_that_learns_that_it_was_downed_is_out(part: Part, state: GossipState) -> None:
    (out,) = [effect for effect in part.hears(B, state) if isinstance(effect, Out)]
    assert out == Out("the other members have downed it", Cause.downed, contacts=(B.address, C.address))
    assert part.machine.is_out


def test_the_notice_counts_only_for_this_incarnation_and_cluster(part: Part) -> None:
    part.receive(B, Downed(99, STATE.cluster, 2, 2))
    part.receive(B, Downed(A.uid, 99, 2, 2))
    assert not part.machine.is_out
    notice = Downed(A.uid, STATE.cluster, 2, 2)
    assert outs(part.receive(B, notice)) == [("the other members have downed it", True)]


def test_a_downed_node_downs_no_member(part: Part) -> None:
    part.machine.handle(Down(C), NOW)
    part.receive(C, Dissolve(STATE.cluster, (D.host, D.port)))
    assert sent(part.receive(C, Downed(A.uid, STATE.cluster, size=1, lowest=C.uid))) == [(C, Downed)]
    assert not part.machine.is_out


@pytest.mark.parametrize(("size", "lowest", "gives_way"), [(3, 9, True), (2, 9, False), (2, 0, True), (1, 0, False)])
def test_of_two_halves_that_have_downed_each_other_the_smaller_gives_way(
    part: Part, size: int, lowest: int, gives_way: bool
) -> None:
    part.machine.handle(Down(C), NOW)
    effects = part.receive(C, Downed(A.uid, STATE.cluster, size, lowest))
    assert part.machine.is_out is gives_way
    assert sent(effects) == [(B, Dissolve)] if gives_way else [(C, Downed)]


def test_a_probe_or_a_digest_of_a_downed_node_is_answered_with_the_notice(part: Part) -> None:
    digest = compact.write_digest(STATE, A)
    part.machine.handle(Down(C), NOW)
    assert sent(part.receive(C, Probe(Presence("bank", STATE.cluster, 3, ())))) == [(C, Downed)]
    assert sent(part.receive(C, digest)) == [(C, Downed)]


def test_a_member_that_has_seen_less_gets_a_digest(part: Part) -> None:
    part.hears(C, STATE.seen_by(C))
    assert [kind.__name__ for _, kind in sent(part.receive(B, compact.write_digest(STATE, A)))] == ["Digest"]


def test_a_downed_member_stays_unreachable_when_the_detector_forgets_it() -> None:
    alone = participant(STATE.set(up(D)).changed_by(B).seen_by(A))
    alone.handle(Suspects(frozenset({C})), NOW)
    row = alone.state.reachability.row(A)
    alone.handle(Down(C), NOW)
    alone.handle(Suspects(frozenset()), NOW)
    assert status(alone.state, C) is MemberStatus.down
    assert alone.state.reachability.row(A) == row


def test_gossip_for_a_member_of_another_cluster_is_answered_with_goodbye(part: Part) -> None:
    assert (D, Goodbye) in sent(part.hears(D, replace(state_of(D, A), cluster=99)))


def test_a_member_that_says_goodbye_is_downed(part: Part) -> None:
    part.receive(C, Goodbye(99))
    assert status(part.state, C) is MemberStatus.up
    part.receive(C, Goodbye(STATE.cluster))
    assert status(part.state, C) is MemberStatus.down


def test_a_node_that_downs_itself_remembers_all_members_that_may_survive_without_it(part: Part) -> None:
    part.machine.handle(Down(B), NOW)
    (out,) = [effect for effect in part.machine.handle(Down(A), NOW) if isinstance(effect, Out)]
    assert out.contacts == (C.address,), "not the member that was downed before"


def test_a_dissolved_cluster_is_left_to_join_another(part: Part) -> None:
    elsewhere = (D.host, D.port)
    part.receive(B, Dissolve(99, elsewhere))
    assert not part.machine.is_out
    (out,) = [effect for effect in part.receive(B, Dissolve(STATE.cluster, elsewhere)) if isinstance(effect, Out)]
    assert out.rejoin
    assert out.contacts == (D.address, B.address, C.address)


def join(**changes: object) -> Join:
    asked = Join(A.uid, "bank", "node-4", ("teller",), {"shards of accounts": "100"})
    return asked._replace(**changes)


def test_a_node_that_asks_is_admitted_and_gets_the_state(part: Part) -> None:
    effects = part.receive(D, join())
    assert status(part.state, D) is MemberStatus.joining
    assert part.state.members[D].roles == ("teller",)
    assert (D, Gossip) in sent(effects)


def test_a_node_that_asks_again_gets_the_state_again_and_nothing_changes(part: Part) -> None:
    part.receive(D, join())
    before = part.state
    assert (D, Gossip) in sent(part.receive(D, join()))
    assert part.state == before


@pytest.mark.parametrize(
    ("changes", "reason", "final"),
    [
        ({"node_id": "x\nERROR forged"}, "must be printable and at most 255 characters long", True),
        ({"roles": ("x" * 256,)}, "must be printable and at most 255 characters long", True),
        ({"system": "shop"}, "'shop', and the node that it asked to 'bank'", True),
        ({"configuration": {"shards of accounts": "64"}}, "shards of accounts is 64 at this node and 100 in", True),
        ({"node_id": "node-3"}, "'node-3' is that of the member 10.0.0.3:25520#3", True),
    ],
)
def test_b25_a_misfit_is_rejected(part: Part, changes: dict[str, object], reason: str, final: bool) -> None:
    before = part.state
    (refusal,) = [effect.message for effect in part.receive(D, join(**changes)) if isinstance(effect, Send)]
    assert isinstance(refusal, Refusal)
    assert reason in refusal.reason
    assert refusal.final is final
    assert part.state == before


def test_a_setting_that_only_one_side_has_is_no_conflict(part: Part) -> None:
    part.receive(D, join(configuration={"min_acks": "1"}))
    assert D in part.state.members


def test_a_namesake_that_cannot_be_reached_may_give_its_place_soon(part: Part) -> None:
    part.machine.handle(Suspects(frozenset({C})), NOW)
    (refusal,) = [e.message for e in part.receive(D, join(node_id="node-3")) if isinstance(e, Send)]
    assert isinstance(refusal, Refusal)
    assert not refusal.final


def test_a_member_whose_state_would_outgrow_a_frame_admits_no_node() -> None:
    full = Part(participant(STATE.seen_by(A), replace(SETTINGS, max_gossip_bytes=compact.most_bytes(STATE) + 10)))
    (refusal,) = [effect.message for effect in full.receive(D, join()) if isinstance(effect, Send)]
    assert isinstance(refusal, Refusal)
    assert "the cluster is full" in refusal.reason
    assert D not in full.state.members


def test_b15_a_new_incarnation_takes_the_place_of_the_old_one_at_once(part: Part) -> None:
    again = NodeId(C.host, C.port, 33)
    part.receive(again, join(node_id="node-3"))
    assert C in part.state.tombstones
    assert status(part.state, again) is MemberStatus.joining
    assert sent(part.hears(C, STATE)) == [(C, Downed)]
    assert (C, Downed) in sent(part.receive(C, join(node_id="node-3"))), "a late request of the old one"


def test_a_leaving_member_admits_no_node(part: Part) -> None:
    part.machine.handle(Leave(), NOW)
    (refusal,) = [effect.message for effect in part.receive(D, join()) if isinstance(effect, Send)]
    assert isinstance(refusal, Refusal)
    assert not refusal.final


def test_converged_members_exchange_digests_and_now_and_then_whole_states(part: Part) -> None:
    converged = replace(STATE, seen=frozenset({A, B, C}))
    machine = participant(converged)
    kinds = [
        type(effect.message).__name__
        for tenth in range(650)
        for effect in machine.handle(Tick(), NOW + tenth / 10)
        if isinstance(effect, Send)
    ]
    assert kinds.count("Gossip") == 2
    assert 55 <= kinds.count("Digest") <= 70


def test_a_last_member_that_leaves_just_goes() -> None:
    machine = participant(GossipState.founded_by(up(A)))
    assert outs(machine.handle(Leave(), NOW)) == [("it has left, as the last one", False)]


def test_a_leaving_member_without_an_answer_stops_after_a_while(part: Part) -> None:
    part.machine.handle(Leave(), NOW)
    effects = part.machine.handle(Tick(), NOW + 10.0)
    (out,) = [effect for effect in effects if isinstance(effect, Out)]
    assert not out.rejoin
    assert {to for to, kind in sent(effects) if kind is Gossip} >= {B, C}, "they need not find out by themselves"


def test_members_come_up_only_while_all_members_can_be_reached() -> None:
    state = STATE.set(Member(node=D, node_id="node-4")).observe(A, frozenset({C})).changed_by(A)
    waiting = participant(replace(state, seen=frozenset({A, B, D})))
    waiting.handle(Suspects(frozenset({C})), NOW)
    assert status(waiting.state, D) is MemberStatus.joining
    waiting.handle(Suspects(frozenset()), NOW)
    waiting.handle(Received(B, compact.write(waiting.state.seen_by(B).seen_by(C).seen_by(D), A, NOW)), NOW)
    assert status(waiting.state, D) is MemberStatus.up
    assert waiting.state.members[D].up_number == 4


def test_where_no_member_is_left_that_came_up_numbers_begin_at_the_first_one() -> None:
    joining = replace(up(A), status=MemberStatus.joining, up_number=0)
    left = participant(GossipState.founded_by(up(A)).set(joining), replace(SETTINGS, first_number=7_000))
    left.handle(Tick(), NOW)
    assert left.state.members[A].up_number == 7_000


def test_a_downed_member_is_removed_while_others_are_unreachable() -> None:
    state = downed(STATE.set(up(D)), C, by=A).observe(A, frozenset({D})).changed_by(A)
    machine = participant(replace(state, seen=frozenset({A, B})))
    effects = machine.handle(Suspects(frozenset({D})), NOW)
    assert C in machine.state.tombstones
    assert (C, Downed) in sent(effects)
    *_, changed = [effect for effect in effects if isinstance(effect, MembersChanged)]
    assert [member.node for member in changed.members] == [A, B, D]


def test_an_earlier_incarnation_at_its_address_is_downed_by_the_node_itself(part: Part) -> None:
    """Two that join through different members do not know each other until these have met."""
    earlier = NodeId(A.host, A.port, 77)
    part.hears(B, STATE.set(replace(up(earlier), status=MemberStatus.joining, up_number=0)).changed_by(B))
    assert status(part.state, earlier) is MemberStatus.down
    assert status(part.state, A) is MemberStatus.up


def test_a_node_whose_address_another_process_has_taken_is_out_for_good_if_a_member_says_so(part: Part) -> None:
    stranger, member = Replaced(D), Replaced(B)
    assert Ignored in map(type, part.machine.handle(stranger, NOW))
    assert not part.machine.is_out
    *_, out = part.machine.handle(member, NOW)
    assert isinstance(out, Out)
    assert (out.cause, out.rejoin) == (Cause.replaced, False)
    assert str(A.address) in out.reason


def test_a_notice_of_a_node_that_was_never_a_member_does_not_count(part: Part) -> None:
    assert Ignored in map(type, part.receive(D, Downed(A.uid, STATE.cluster, 2, 2)))
    assert not part.machine.is_out
    part.receive(D, Goodbye(STATE.cluster))
    assert part.state.alive.keys() == {A, B, C}
