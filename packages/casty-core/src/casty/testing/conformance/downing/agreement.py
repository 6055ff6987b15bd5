"""A strategy decides alike on all nodes of a side, and only by what they see."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from casty.member import Member, NodeId
from casty.spi.downing import Acquire, Decision, MembershipView
from casty.testing.conformance.downing.registry import Checks, CreateStrategy
from casty.testing.conformance.downing.worlds import World, clean_splits, cut_links
from casty.testing.conformance.expectations import expect, expect_equal

check = Checks()


def worlds() -> Iterator[World]:
    for count in range(2, 5):
        yield from cut_links(count)
    for count in (5, 6):
        yield from clean_splits(count)


def downs_of(decision: Decision) -> set[NodeId]:
    if decision is None:
        return set()
    return {*decision.won.nodes, *decision.lost.nodes} if isinstance(decision, Acquire) else {*decision.nodes}


@check
def nodes_that_see_the_same_decide_alike(create: CreateStrategy) -> None:
    for world in worlds():
        for node in world.nodes:
            view = world.view(node)
            wanted = create().decide(view)
            for other in view.observations.keys() - {node}:
                decision = create().decide(replace(view, local=other))
                expect_equal(f"{world}: the decision of {other} with the view of {node}", decision, wanted)


@check
def the_order_of_what_is_seen_means_nothing(create: CreateStrategy) -> None:
    random = Random(0)
    for world in worlds():
        view = world.view(world.nodes[0])
        wanted = create().decide(view)
        for _ in range(5):
            listed: list[Member] = random.sample(list(view.members), len(view.members))
            rows = random.sample(sorted(view.observations.items()), len(view.observations))
            shuffled = MembershipView(
                local=view.local,
                members=listed,
                unreachable=set(random.sample(sorted(view.unreachable), len(view.unreachable))),
                observations={observer: set(subjects) for observer, subjects in rows},
            )
            expect_equal(f"{world}: the decision in another order", create().decide(shuffled), wanted)


@check
def what_was_decided_before_means_nothing(create: CreateStrategy) -> None:
    used = create()
    for world in worlds():
        for node in world.nodes:
            expect_equal(f"{world}: a decision", used.decide(world.view(node)), create().decide(world.view(node)))


@check
def only_members_are_downed_and_with_a_reason(create: CreateStrategy) -> None:
    for world in worlds():
        for node in world.nodes:
            decision = create().decide(world.view(node))
            strangers = downs_of(decision) - set(world.nodes)
            expect(not strangers, f"{world}: these are no members: {strangers}")
            downs = [decision.won, decision.lost] if isinstance(decision, Acquire) else [decision]
            expect(all(down is None or down.reason for down in downs), f"{world}: a decision without a reason")


@check
def a_lease_is_requested_in_the_name_of_the_members_that_would_survive(create: CreateStrategy) -> None:
    named: dict[str, frozenset[NodeId]] = {}
    for world in worlds():
        for node in world.nodes:
            decision = create().decide(world.view(node))
            if isinstance(decision, Acquire):
                going_on = frozenset(world.nodes) - decision.won.nodes
                expect(named.setdefault(decision.owner, going_on) == going_on, f"{world}: two sides have one owner")
                owners = [owner for owner, nodes in named.items() if nodes == going_on]
                expect_equal(f"{world}: the owners of one side", owners, [decision.owner])
                expect(0 <= decision.delay < decision.seconds, f"{world}: {decision.delay} s of {decision.seconds} s")
