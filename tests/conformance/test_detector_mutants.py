"""The kit itself: detectors that are wrong in one way each fail the check that is there for it."""

import pytest
from casty.testing.conformance.failure_detector import checks

from tests.conformance import detector_mutants as mutants
from tests.conformance.detector_mutants import Mutant
from tests.conformance.mutations import by_name, mutants_in
from tests.conformance.test_failure_detectors import PHI_ACCRUAL

CHECKS = by_name(checks(PHI_ACCRUAL))

CAUGHT_BY: dict[type[Mutant], str] = {
    mutants.SuspectsNoNode: "of_two_nodes_the_other_notices",
    mutants.TakesItsTime: "a_dead_node_is_suspected_in_time",
    mutants.IsNervous: "stalls_of_others_are_forgiven",
    mutants.WaitsForAFirstAnswer: "a_node_that_never_answers_becomes_suspect",
    mutants.NeverForgives: "a_node_that_is_back_is_trusted_again",
    mutants.HoldsItsPausesAgainstOthers: "own_pauses_cause_no_suspicion",
    mutants.JudgesBeforeItsFirstTick: "a_node_that_has_not_ticked_yet_suspects_no_other",
    mutants.GivesUpItsJudgementForGood: "a_node_that_dies_during_ones_own_pause_is_suspected_in_the_end",
    mutants.IgnoresOtherFrames: "frames_of_any_kind_are_signs_of_life",
    mutants.CountsEveryFrame: "other_frames_do_not_make_a_detector_nervous",
    mutants.KnowsStrangers: "an_unknown_node_is_not_suspected",
    mutants.ForgetsNoNode: "a_node_that_has_left_is_forgotten",
    mutants.BeginsAnewWithEachMemberList: "the_same_members_again_change_nothing",
    mutants.ChokesOnGarbage: "no_bytes_do_any_harm",
    mutants.AnswersMembersOnly: "strangers_are_answered",
    mutants.TakesCopiesForAnswers: "the_dead_do_not_live_on_in_copies",
    mutants.WatchesAllNodes: "a_node_of_a_thousand_does_and_keeps_little",
    mutants.TalksTooMuch: "payloads_stay_small",
    mutants.CountsFromTheEpoch: "where_the_clock_begins_means_nothing",
    mutants.LikesTheFirstBest: "the_order_of_the_members_means_nothing",
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
