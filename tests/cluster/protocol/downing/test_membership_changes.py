"""Splits at the moment at which members come up or leave: one side knows of it, the other does not.

A leader changes the members only once all of them have seen the state before. So the leader's side may be ahead by one
step: some of those that the other side knows as joining have come up, some of those that it knows as leaving are gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

import pytest
from casty.member import Member, MemberStatus, NodeId
from casty.spi.downing import Down, DowningStrategy, MembershipView
from casty.testing.conformance.downing.worlds import members

from tests.cluster.protocol.downing.strategies import STRATEGIES

COUNT = 4


def statuses(count: int) -> Iterator[list[Member]]:
    """All ways in which so many members can be joining, up or leaving."""
    choices = (MemberStatus.joining, MemberStatus.up, MemberStatus.leaving)
    for chosen in product(choices, repeat=count):
        yield [
            replace(member, status=status, up_number=0 if status is MemberStatus.joining else member.up_number)
            for member, status in zip(members(count), chosen, strict=True)
        ]


def one_step_ahead(known: Sequence[Member]) -> Iterator[list[Member]]:
    """What the side may know that is ahead."""
    changing = [member for member in known if member.status is not MemberStatus.up]
    for size in range(len(changing) + 1):
        for changed in combinations(changing, size):
            yield [
                replace(member, status=MemberStatus.up, up_number=10 + number) if member in changed else member
                for number, member in enumerate(known)
                if not (member in changed and member.status is MemberStatus.leaving)
            ]


def leader(known: Sequence[Member]) -> NodeId:
    """The member that may have changed it: the lowest that is up, or else joining."""
    order = [MemberStatus.up, MemberStatus.joining, MemberStatus.leaving]
    return min(known, key=lambda member: (order.index(member.status), member.node)).node


def left_of(strategy: DowningStrategy, known: Sequence[Member], side: frozenset[NodeId]) -> frozenset[NodeId]:
    """The members of a side that survive, by what it knows."""
    here = frozenset(member.node for member in known) & side
    there = frozenset(member.node for member in known) - side
    if not here or not there:
        return here
    local = min(here)
    view = MembershipView(local=local, members=known, unreachable=there, observations={local: there})
    decision = strategy.decide(view)
    assert isinstance(decision, Down)
    return here - decision.nodes


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "lease"])
def test_at_most_one_side_survives(name: str) -> None:
    strategy, wrong, tried = STRATEGIES[name], list[str](), 0
    nodes = [member.node for member in members(COUNT)]
    sides = [frozenset(side) for size in range(1, COUNT) for side in combinations(nodes, size)]
    for known in statuses(COUNT):
        for side, ahead in product((side for side in sides if leader(known) in side), one_step_ahead(known)):
            tried += 1
            # A removed member has left, whatever it still believes.
            others = left_of(strategy, known, frozenset(nodes) - side) & {member.node for member in ahead}
            if others and left_of(strategy, ahead, side):
                wrong.append(f"{[m.status.name for m in known]} {[m.status.name for m in ahead]} {sorted(side)}")
    assert tried > 4_000
    assert wrong == []
