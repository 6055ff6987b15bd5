"""The kit itself: strategies that are wrong in one way each fail the check that is there for it."""

import pytest
from casty.testing.conformance.allocation import AllocationPromises, checks

from tests.conformance import allocation_mutants as mutants
from tests.conformance.allocation_mutants import Mutant
from tests.conformance.mutations import by_name, mutants_in

CHECKS = by_name(checks(AllocationPromises()))

CAUGHT_BY: dict[type[Mutant], str] = {
    mutants.InventsANode: "a_shard_goes_to_one_of_the_nodes",
    mutants.RemembersNodes: "a_node_that_has_gone_gets_no_shard",
    mutants.TakesTurns: "a_decision_follows_from_the_regions_alone",
    mutants.TakesNotes: "the_regions_are_left_as_they_are",
    mutants.LovesTheOldest: "shards_are_spread",
    mutants.IgnoresTheLimit: "no_more_shards_move_than_may",
    mutants.MovesToTheOwner: "moves_can_be_carried_out_one_after_the_other",
    mutants.MovesTwice: "moves_can_be_carried_out_one_after_the_other",
    mutants.NeverRests: "rebalancing_comes_to_rest",
    mutants.MovesNothing: "a_newcomer_gets_shards",
    mutants.MovesWhatThereIsNot: "regions_without_shards_are_left_alone",
}


@pytest.mark.parametrize("mutant", CAUGHT_BY, ids=lambda mutant: mutant.__name__)
def test_a_fault_is_caught(mutant: type[Mutant]) -> None:
    with pytest.raises(AssertionError):
        CHECKS[CAUGHT_BY[mutant]](mutant)


def test_every_mutant_is_tried_and_every_check_catches_one() -> None:
    assert CAUGHT_BY.keys() == mutants_in(Mutant, mutants)
    assert set(CAUGHT_BY.values()) == CHECKS.keys()
