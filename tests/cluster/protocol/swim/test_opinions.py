"""Which rumours are believed: those of memberlist's tests that are about states."""

import pytest
from casty.testing.conformance.failure_detector.network import node_named
from casty_cluster.protocol.swim.opinions import Opinions
from casty_cluster.wire.swim import Claim, Rumour

LOCAL, OTHER = 1, node_named(2).uid
NODES = [node_named(number) for number in range(2, 8)]


def opinions() -> Opinions:
    made = Opinions(LOCAL, suspicion_mult=4, period=1.0)
    made.members(NODES)
    return made


def said(claim: Claim, incarnation: int = 0, accuser: int = 77, subject: int = OTHER) -> Rumour:
    return Rumour(claim, subject, incarnation, accuser)


def level(held: Opinions, now: float = 1.0) -> float:
    held.validate()
    return held.suspiciousness(OTHER, now)


def test_a_suspect_that_refutes_is_alive() -> None:
    held = opinions()
    held.take(said(Claim.suspect), 0.0)
    assert 0.0 < level(held) < 1.0
    held.take(said(Claim.alive, 1), 0.5)
    assert level(held) == 0.0


def test_an_alive_rumour_of_the_same_incarnation_refutes_nothing() -> None:
    held = opinions()
    held.take(said(Claim.suspect), 0.0)
    held.take(said(Claim.alive, 0), 0.5)
    assert level(held) > 0.0


@pytest.mark.parametrize("claim", [Claim.suspect, Claim.dead])
def test_an_old_accusation_is_ignored(claim: Claim) -> None:
    held = opinions()
    held.take(said(Claim.alive, 3), 0.0)
    held.take(said(claim, 2), 0.0)
    assert level(held) == 0.0


def test_the_dead_are_suspected_no_more() -> None:
    held = opinions()
    held.take(said(Claim.dead), 0.0)
    held.take(said(Claim.suspect, 5), 0.5)
    assert list(held.dead) == [OTHER]
    assert level(held, 3.0) == 4.0


def test_the_dead_are_alive_again_by_a_higher_incarnation_only() -> None:
    held = opinions()
    held.take(said(Claim.dead, 2), 0.0)
    held.take(said(Claim.alive, 2), 0.0)
    assert list(held.dead) == [OTHER]
    held.take(said(Claim.alive, 3), 0.0)
    assert list(held.dead) == []


def test_accusations_of_oneself_are_refuted_by_a_higher_incarnation() -> None:
    held = opinions()
    assert held.take(said(Claim.dead, 6, subject=LOCAL), 0.0)
    assert held.rumours.take(7, 10) == [Rumour(Claim.alive, LOCAL, 7, LOCAL)]


def test_a_repeated_accusation_is_refuted_again() -> None:
    held = opinions()
    held.take(said(Claim.suspect, 6, subject=LOCAL), 0.0)
    held.rumours.take(7, 10)
    assert not held.take(said(Claim.suspect, 6, subject=LOCAL), 1.0)
    assert held.rumours.take(7, 10) == [Rumour(Claim.alive, LOCAL, 7, LOCAL)]


def test_strangers_are_nobodys_business() -> None:
    held = opinions()
    held.take(said(Claim.dead, subject=99), 0.0)
    assert not held.dead
    assert not held.rumours


def test_confirmations_shorten_a_suspicion() -> None:
    """With seven members and a multiplier of four: 24 s for one accuser, 4 s for three."""
    held = opinions()
    held.take(said(Claim.suspect, accuser=10), 0.0)
    assert list(held.deadlines()) == [24.0]
    held.take(said(Claim.suspect, accuser=11), 0.0)
    (shorter,) = held.deadlines()
    assert 11.0 < shorter < 12.0
    held.take(said(Claim.suspect, accuser=12), 0.0)
    assert list(held.deadlines()) == [pytest.approx(4.0)]


def test_one_accuser_counts_once_and_more_than_enough_do_not_count() -> None:
    held = opinions()
    for accuser in (10, 10, 10):
        held.take(said(Claim.suspect, accuser=accuser), 0.0)
    assert list(held.deadlines()) == [24.0]
    for accuser in (11, 12, 13, 14, 15):
        held.take(said(Claim.suspect, accuser=accuser), 0.0)
    assert list(held.deadlines()) == [pytest.approx(4.0)]


def test_a_late_confirmation_takes_effect_at_once_and_not_in_the_past() -> None:
    held = opinions()
    held.take(said(Claim.suspect, accuser=10), 0.0)
    held.take(said(Claim.suspect, accuser=11), 20.0)
    assert list(held.deadlines()) == [20.0]


def test_a_suspicion_that_has_run_out_is_a_death() -> None:
    held = opinions()
    held.accuse(OTHER, 0.0)
    held.expire(23.9)
    assert not held.dead
    held.expire(24.0)
    assert list(held.dead) == [OTHER]


def test_a_suspect_that_was_heard_meanwhile_is_not_dead() -> None:
    held = opinions()
    held.accuse(OTHER, 0.0)
    held.heard(OTHER, 20.0)
    held.expire(24.0)
    assert level(held) == 0.0


def test_the_copy_of_an_older_ping_is_no_sign_of_life() -> None:
    held = opinions()
    held.pinged_by(OTHER, 5, -1.0)
    held.accuse(OTHER, 0.0)
    held.pinged_by(OTHER, 5, 20.0)
    held.pinged_by(OTHER, 4, 21.0)
    held.expire(24.0)
    assert list(held.dead) == [OTHER]


def test_a_newer_ping_is() -> None:
    held = opinions()
    held.pinged_by(OTHER, 5, -1.0)
    held.accuse(OTHER, 0.0)
    held.pinged_by(OTHER, 6, 20.0)
    held.expire(24.0)
    assert level(held) == 0.0


def test_a_suspect_gets_the_time_of_a_pause_of_this_node() -> None:
    held = opinions()
    held.accuse(OTHER, 0.0)
    held.move_on(10.0)
    assert list(held.deadlines()) == [34.0]


def test_a_removed_node_is_forgotten_with_all_rumours() -> None:
    held = opinions()
    held.take(said(Claim.dead, 4), 0.0)
    held.members(NODES[1:])
    held.members(NODES)
    assert level(held) == 0.0
    assert not held.rumours
    held.take(said(Claim.suspect, 0), 0.0)
    assert level(held) > 0.0
