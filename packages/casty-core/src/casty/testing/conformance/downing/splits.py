"""Two sides never survive, whatever links are cut."""

from collections.abc import Iterable
from itertools import permutations

from casty.testing.conformance.downing.registry import Checks, CreateStrategy
from casty.testing.conformance.downing.worlds import World, clean_splits, cut_directions, cut_links, members, outcomes
from casty.testing.conformance.expectations import expect, expect_equal

check = Checks()


def expect_one_side_at_most(create: CreateStrategy, worlds: Iterable[World]) -> None:
    for world in worlds:
        for outcome in outcomes(world, create().decide):
            clusters = sorted({tuple(sorted(cluster)) for cluster in outcome.values()})
            expect(len(clusters) <= 1, f"{world}: {len(clusters)} clusters survive: {clusters}")


@check
def after_a_clean_split_one_side_goes_on_at_most(create: CreateStrategy) -> None:
    expect_one_side_at_most(create, (world for count in range(2, 7) for world in clean_splits(count)))


@check
def whatever_links_are_cut_one_side_goes_on_at_most(create: CreateStrategy) -> None:
    expect_one_side_at_most(create, (world for count in range(2, 6) for world in cut_links(count)))


@check
def links_cut_in_one_direction_make_no_second_side(create: CreateStrategy) -> None:
    expect_one_side_at_most(create, (world for count in (2, 3) for world in cut_directions(count)))


@check
def survivors_reach_each_other(create: CreateStrategy) -> None:
    for count in range(2, 6):
        for world in cut_links(count):
            for outcome in outcomes(world, create().decide):
                apart = [(one, other) for one in outcome for other in outcome if one < other]
                apart = [pair for pair in apart if not world.reaches(*pair)]
                expect(not apart, f"{world}: these survive without reaching each other: {apart}")


@check
def without_unreachable_members_nothing_is_decided(create: CreateStrategy) -> None:
    for count in range(1, 6):
        whole = next(world for world in clean_splits(count) if len(world.links) == count * (count - 1))
        for node in whole.nodes:
            decision = create().decide(whole.view(node))
            expect(decision is None, f"{count} members that all reach each other: the decision is {decision}")


@check.where(lambda promises: promises.survives_crashes)
def the_others_survive_a_crash(create: CreateStrategy) -> None:
    for dead in members(5):
        alive = [member.node for member in members(5) if member != dead]
        world = World(members(5), frozenset(permutations(alive, 2)))
        # The dead one decides nothing, and requests no lease.
        outcome = next((outcome for outcome in outcomes(world, create().decide) if dead.node not in outcome), None)
        if outcome is None:
            raise AssertionError(f"{world}: the dead member survives, whatever the strategy decides")
        expect_equal(f"{dead.node} is dead: the survivors", sorted(outcome), alive)
