"""System links under loss, duplication and reordering: every message is taken once and in order."""

from collections.abc import Sequence

import hypothesis.strategies as st
from casty_cluster.protocol.system_link import CAPACITY, RESEND, Numbered, SystemLink
from hypothesis import given


def test_what_arrives_in_order_is_taken_once() -> None:
    there, here = SystemLink(), SystemLink()
    first, second = there.send("a", 0.0), there.send("b", 0.0)
    assert first is not None
    assert second is not None
    assert [here.take(first), here.take(second), here.take(second), here.take(first)] == [True, True, False, False]
    assert here.acknowledgement().sequence_nr == 2


def test_a_gap_is_waited_out() -> None:
    there, here = SystemLink(), SystemLink()
    there.send("a", 0.0)
    second = there.send("b", 0.0)
    assert second is not None
    assert not here.take(second)
    assert here.acknowledgement().sequence_nr == 0
    assert [here.take(numbered) for numbered in there.repeat(1.0)] == [True, True]


def test_what_is_acknowledged_is_not_repeated() -> None:
    link = SystemLink()
    for name in "abc":
        link.send(name, 0.0)
    assert link.repeat_at == RESEND
    link.acknowledged(2, 0.5)
    assert [numbered.message for numbered in link.repeat(2.0)] == ["c"]
    link.acknowledged(3, 2.5)
    assert link.repeat_at is None
    assert link.repeat(9.0) == []


def test_an_acknowledgement_of_what_was_never_sent_means_nothing() -> None:
    link = SystemLink()
    link.send("a", 0.0)
    link.acknowledged(7, 0.1)
    assert [numbered.message for numbered in link.repeat(1.0)] == ["a"]


def test_a_peer_that_acknowledges_nothing_breaks_the_link_and_costs_no_more() -> None:
    link = SystemLink()
    assert all(link.send("x", 0.0) is not None for _ in range(CAPACITY))
    assert link.send("one too many", 0.0) is None
    assert link.broken
    link.acknowledged(CAPACITY, 0.0)
    assert link.send("after a gap", 0.0) is None, "what comes behind a lost message must not be delivered"


@given(
    messages=st.integers(1, 30),
    fates=st.lists(st.sampled_from(["deliver", "lose", "double", "late"]), min_size=1, max_size=60),
)
def test_whatever_the_network_does_everything_is_taken_once_and_in_order(messages: int, fates: Sequence[str]) -> None:
    there, here = SystemLink(), SystemLink()
    flying: list[Numbered] = []
    for number in range(messages):
        sent = there.send(number, 0.0)
        assert sent is not None
        flying.append(sent)
    taken: list[int] = []
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
        there.acknowledged(here.acknowledgement().sequence_nr, now)
        there.validate()
        flying = [*late[::-1], *there.repeat(now)]
    assert taken == list(range(messages))
    assert there.repeat(now) == []
