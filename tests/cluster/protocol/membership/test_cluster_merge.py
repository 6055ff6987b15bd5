"""How a member finds out that its cluster, or half of one, is the one of two that gives way."""

from dataclasses import replace

import pytest
from casty.address import PeerAddress
from casty.member import NodeId
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.membership.cluster_merge import STRANGE
from casty_cluster.protocol.membership.effects import Effect, Out, Send
from casty_cluster.protocol.membership.inputs import Received, Suspects
from casty_cluster.wire.membership import (
    Answer,
    Dissolve,
    Downed,
    Presence,
    Probe,
)

from tests.cluster.protocol.membership.part import NOW, SETTINGS, STATE, A, B, C, D, Part, participant, sent


@pytest.mark.parametrize(("cluster", "size"), [(99, 10), (1, 3)], ids=["larger", "lower"])
def test_an_island_is_looked_at_only_by_an_answer_to_ones_own_probe(part: Part, cluster: int, size: int) -> None:
    larger = Presence("bank", cluster, size, (D.address,))
    assert sent(part.receive(D, Probe(larger))) == [(D, Answer), (D, Probe)]
    effects = part.receive(D, Answer(A.uid, larger))
    assert sent(effects) == [(B, Dissolve), (C, Dissolve)]
    (out,) = [effect for effect in effects if isinstance(effect, Out)]
    assert out.rejoin
    assert out.contacts == (D.address, B.address, C.address)


@pytest.mark.parametrize(("cluster", "size"), [(99, 2), (99, 3), (0, 0)], ids=["smaller", "higher", "none"])
def test_an_island_that_gives_way_itself_changes_nothing(part: Part, cluster: int, size: int) -> None:
    presence = Presence("bank", cluster, size, ())
    assert sent(part.receive(D, Probe(presence))) == [(D, Answer)]
    part.receive(D, Answer(A.uid, presence))
    assert not part.machine.is_out


def test_members_look_for_islands_at_seeds_and_former_places_that_are_no_members() -> None:
    elsewhere = PeerAddress("10.0.0.9", 25520)
    before = PeerAddress("10.0.0.8", 25520)
    settings = replace(SETTINGS, seeds=(B.address, elsewhere), contacts=(C.address, before))
    machine = participant(STATE.seen_by(A), settings)
    probed = {
        effect.to
        for second in range(10)
        for effect in machine.handle(Tick(), NOW + second)
        if isinstance(effect, Send) and isinstance(effect.message, Probe)
    }
    assert probed == {elsewhere, before}


@pytest.mark.parametrize(("size", "gives_way"), [(4, True), (3, False), (2, False)])
def test_of_two_halves_that_do_not_know_each_other_any_more_the_smaller_gives_way(
    part: Part, size: int, gives_way: bool
) -> None:
    part.hears(B, STATE.seen_by(A).seen_by(B).seen_by(C))
    presence = Presence("bank", STATE.cluster, size, ())
    probes = part.receive(D, Probe(presence))
    assert sent(probes) == ([(D, Answer), (D, Probe)] if gives_way else [(D, Answer)])
    assert answers(part, D, presence, 0.0, STRANGE - 1.0) == [], "it may have come a moment ago"
    assert sent(answers(part, D, presence, STRANGE)) == ([(B, Dissolve), (C, Dissolve)] if gives_way else [])
    assert part.machine.is_out is gives_way


@pytest.mark.parametrize(("size", "gives_way"), [(4, True), (3, False), (2, False)])
def test_the_smaller_half_also_gives_way_to_newer_nodes_that_know_it_as_downed(
    part: Part, size: int, gives_way: bool
) -> None:
    part.hears(B, STATE.seen_by(A).seen_by(B).seen_by(C))
    notice = Downed(A.uid, STATE.cluster, size, D.uid)
    for seconds, out in ((0.0, False), (STRANGE - 1.0, False), (STRANGE, gives_way)):
        effects = part.machine.handle(Received(D, notice, 0.0), NOW + seconds)
        assert sent(effects) == ([(B, Dissolve), (C, Dissolve)] if out else [])
        assert part.machine.is_out is out


def test_as_long_as_the_members_do_not_agree_any_node_may_be_a_newcomer(part: Part) -> None:
    presence = Presence("bank", STATE.cluster, 4, ())
    assert answers(part, D, presence, 0.0, STRANGE, 2 * STRANGE) == []
    part.hears(B, STATE.seen_by(A).seen_by(B).seen_by(C))
    assert answers(part, D, presence, 3 * STRANGE) == []
    part.machine.handle(Suspects(frozenset({C})), NOW)
    assert answers(part, D, presence, 4 * STRANGE) == []
    assert not part.machine.is_out


def answers(part: Part, sender: NodeId, presence: Presence, *seconds: float) -> list[Effect]:
    """What comes of answers to probes, so many seconds from now."""
    return [
        effect
        for later in seconds
        for effect in part.machine.handle(Received(sender, Answer(A.uid, presence), 0.0), NOW + later)
        if isinstance(effect, Send | Out)
    ]
