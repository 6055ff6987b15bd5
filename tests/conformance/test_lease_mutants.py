"""The kit itself: lease stores that are wrong in one way each fail the check that is there for it."""

from contextlib import nullcontext

import pytest
from casty.leases.memory import MemoryLeases
from casty.testing.conformance.lease import checks, running_out

from tests.conformance import lease_mutants as mutants
from tests.conformance.mutations import by_name, mutants_in

CHECKS = by_name(checks())

CAUGHT_BY: dict[type[MemoryLeases], str] = {
    mutants.GrantsToAnyOwner: "another_one_does_not_get_it",
    mutants.RefusesItsHolder: "its_holder_gets_it_again_with_the_same_token",
    mutants.CountsRenewals: "one_owner_in_many_places_has_one_token",
    mutants.AcceptsAnyRelease: "it_is_given_back_by_its_token_only",
    mutants.ReleasesByAnOldToken: "a_late_release_takes_nothing_away",
    mutants.KeepsWhatIsGivenBack: "what_is_given_back_is_free",
    mutants.ForgetsTokens: "each_holder_has_a_higher_token",
    mutants.HasTheTokenAgain: "a_token_that_was_given_back_is_not_granted_again",
    mutants.HasOneLease: "leases_are_apart",
    mutants.ReadsOwnersLoosely: "owners_differ_by_their_whole_text",
    mutants.NeverEndsALease: "a_lease_runs_out",
    mutants.EndsLeasesEarly: "it_does_not_run_out_early",
    mutants.NeverShortensALease: "a_shorter_grant_counts",
    mutants.ProlongsWhenRefusing: "a_refused_owner_has_changed_nothing",
    mutants.LooksBeforeItLeaps: "of_many_racers_one_wins",
    mutants.KeepsHalfOfWhatIsCancelled: "a_cancelled_caller_may_ask_again",
}


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_out, "PATIENCE", 1.0)


@pytest.mark.parametrize(("mutant", "caught_by"), CAUGHT_BY.items())
async def test_a_mutant_fails_the_check_that_is_about_it(mutant: type[MemoryLeases], caught_by: str) -> None:
    store = mutant()
    with pytest.raises((AssertionError, TimeoutError)):
        await CHECKS[caught_by](lambda: nullcontext(store))


def test_every_mutant_is_tried() -> None:
    assert mutants_in(MemoryLeases, mutants) == CAUGHT_BY.keys()
