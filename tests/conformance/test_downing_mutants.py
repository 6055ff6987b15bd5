"""The kit itself: strategies that are wrong in one way each fail the check that is there for it."""

import pytest
from casty.testing.conformance.downing import DowningPromises, checks

from tests.conformance import downing_mutants as mutants
from tests.conformance.downing_mutants import Mutant
from tests.conformance.mutations import by_name, mutants_in

CHECKS = by_name(checks(DowningPromises()))

CAUGHT_BY: dict[type[Mutant], str] = {
    mutants.DownsWhatIsUnreachable: "after_a_clean_split_one_side_goes_on_at_most",
    mutants.KeepsBothHalves: "after_a_clean_split_one_side_goes_on_at_most",
    mutants.OverlooksDetours: "whatever_links_are_cut_one_side_goes_on_at_most",
    mutants.KeepsUnreachableMembers: "survivors_reach_each_other",
    mutants.AlwaysDecides: "without_unreachable_members_nothing_is_decided",
    mutants.GivesUpTooEasily: "the_others_survive_a_crash",
    mutants.DecidesForItself: "nodes_that_see_the_same_decide_alike",
    mutants.TakesTheFirstForTheLowest: "the_order_of_what_is_seen_means_nothing",
    mutants.RemembersDecisions: "what_was_decided_before_means_nothing",
    mutants.SaysNothing: "only_members_are_downed_and_with_a_reason",
    mutants.AsksForItselfAlone: "nodes_that_see_the_same_decide_alike",
    mutants.HasOneOwnerForAll: "a_lease_is_requested_in_the_name_of_the_members_that_would_survive",
    mutants.GoesOnWithoutTheLease: "after_a_clean_split_one_side_goes_on_at_most",
}


@pytest.mark.parametrize(("mutant", "caught_by"), CAUGHT_BY.items())
def test_a_mutant_fails_the_check_that_is_about_it(mutant: type[Mutant], caught_by: str) -> None:
    with pytest.raises(AssertionError, match=r"\w"):
        CHECKS[caught_by](mutant)


@pytest.mark.parametrize("name", sorted({*CAUGHT_BY.values()}))
def test_what_is_no_mutant_passes(name: str) -> None:
    CHECKS[name](Mutant)


def test_every_mutant_is_tried() -> None:
    assert mutants_in(Mutant, mutants) == CAUGHT_BY.keys()
