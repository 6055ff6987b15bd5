"""System links under loss, duplication and reordering: every message is taken once and in order."""

from collections.abc import Sequence

import hypothesis.strategies as st
from casty_cluster.protocol.system_link import CAPACITY, RESEND, SystemLink
from casty_cluster.wire.system import Acknowledged, Numbered
from hypothesis import given

HERE, THERE, AGAIN = 1, 2, 3
"""Uids of two incarnations, and of another one at the address of the first."""


def ends(here: int = HERE) -> tuple[SystemLink, SystemLink]:
    """Of the link between that incarnation and the one there."""
    return SystemLink(THERE, here), SystemLink(here, THERE)


def sent(link: SystemLink, message: object, now: float = 0.0) -> Numbered:
    numbered = link.numbered(message)
    assert link.keep(numbered, now)
    return numbered


def test_what_arrives_in_order_is_taken_once() -> None:
    there, here = ends()
    first, second = sent(there, "a"), sent(there, "b")
    assert [here.take(first), here.take(second), here.take(second), here.take(first)] == [True, True, False, False]
    assert here.acknowledgement().sequence_nr == 2


def test_a_gap_is_waited_out() -> None:
    there, here = ends()
    sent(there, "a")
    second = sent(there, "b")
    assert not here.take(second)
    assert here.acknowledgement().sequence_nr == 0
    assert [here.take(numbered) for numbered in there.repeat(1.0)] == [True, True]


def test_what_is_acknowledged_is_not_repeated() -> None:
    link = SystemLink(HERE, THERE)
    for name in "abc":
        sent(link, name)
    assert link.repeat_at == RESEND
    link.acknowledged(Acknowledged(HERE, 2), 0.5)
    assert [numbered.message for numbered in link.repeat(2.0)] == ["c"]
    link.acknowledged(Acknowledged(HERE, 3), 2.5)
    assert link.repeat_at is None
    assert link.repeat(9.0) == []


def test_an_acknowledgement_of_what_was_never_sent_means_nothing() -> None:
    link = SystemLink(HERE, THERE)
    sent(link, "a")
    link.acknowledged(Acknowledged(HERE, 7), 0.1)
    assert [numbered.message for numbered in link.repeat(1.0)] == ["a"]


def test_what_is_for_an_earlier_incarnation_at_the_address_means_nothing() -> None:
    there, _ = ends()
    there_to_again, again = ends(AGAIN)
    for_here, for_again = sent(there, "for here"), sent(there_to_again, "for again")
    assert for_here.sequence_nr == for_again.sequence_nr
    assert not again.take(for_here)
    assert again.take(for_again)

    sent(again, "from again")
    again.acknowledged(Acknowledged(HERE, 1), 0.1)
    assert [numbered.message for numbered in again.repeat(1.0)] == ["from again"]


def test_what_was_numbered_and_not_kept_was_never_sent() -> None:
    there, here = ends()
    there.numbered("too large")
    assert there.repeat_at is None
    assert here.take(sent(there, "a"))


def test_a_peer_that_acknowledges_nothing_breaks_the_link_and_costs_no_more() -> None:
    link = SystemLink(HERE, THERE)
    for _ in range(CAPACITY):
        sent(link, "x")
    assert not link.keep(link.numbered("one too many"), 0.0)
    assert link.broken
    link.acknowledged(Acknowledged(HERE, CAPACITY), 0.0)
    assert not link.keep(link.numbered("after a gap"), 0.0), "what comes behind a lost message must not be delivered"


@given(
    messages=st.integers(1, 30),
    fates=st.lists(st.sampled_from(["deliver", "lose", "double", "late"]), min_size=1, max_size=60),
)
def test_whatever_the_network_does_everything_is_taken_once_and_in_order(messages: int, fates: Sequence[str]) -> None:
    there, here = ends()
    flying = [sent(there, number) for number in range(messages)]
    taken: list[object] = []
    now = 0.0
    plan = iter(fates)
    while len(taken) < messages:
        now += RESEND
        late: list[Numbered] = []
        for numbered in flying:
            fate = next(plan, "deliver")
            copies = {"deliver": 1, "lose": 0, "double": 2, "late": 0}[fate]
            if fate == "late":
                late.append(numbered)
            taken += [numbered.message for _ in range(copies) if here.take(numbered)]
        there.acknowledged(here.acknowledgement(), now)
        there.validate()
        flying = [*late[::-1], *there.repeat(now)]
    assert taken == list(range(messages))
    assert there.repeat(now) == []
