"""The kit itself: stores that are wrong in one way each fail the check that is there for it."""

from contextlib import nullcontext

import pytest
from casty.errors import JournalError
from casty.journals.memory import MemoryStore
from casty.testing.conformance.journal import checks

from tests.conformance import fence_mutants, mutants, order_mutants
from tests.conformance.mutations import mutants_in

CAUGHT_BY: dict[type[MemoryStore], str] = {
    mutants.DropsTheLastEvent: "the_last_event_of_a_group_is_stored_too",
    mutants.AcknowledgesBeforeStoring: "what_is_acknowledged_can_be_read_at_once",
    mutants.ReversesGroups: "what_is_stored_comes_back_unchanged",
    mutants.ForgetsTags: "what_is_stored_comes_back_unchanged",
    mutants.ForgetsConflicts: "a_number_that_is_taken_is_refused",
    mutants.AcceptsGaps: "a_gap_is_refused",
    mutants.TearsGroups: "a_large_group_is_stored_whole_or_not_at_all",
    mutants.PunishesNeighbours: "a_refused_group_never_hurts_its_neighbours",
    mutants.ForgetsRefusals: "what_was_decided_on_top_of_a_refused_event_is_refused",
    mutants.StoresRepetitions: "what_was_refused_or_repeated_is_not_read",
    mutants.RefusesRepetitions: "a_repeated_group_is_acknowledged_and_stored_once",
    mutants.TakesNumbersForIds: "other_events_with_the_same_numbers_are_no_repetition",
    mutants.MixesEntities: "ids_that_look_alike_are_different",
    mutants.IgnoresTheUpperBound: "replay_ends_with_its_upper_bound",
    mutants.IgnoresTheLimit: "replay_answers_no_more_than_its_limit",
    mutants.StoresHalfWhenCancelled: "a_cancelled_append_stores_all_or_nothing_and_may_be_repeated",
    mutants.StoresTheLastAppendOnly: "appends_that_are_under_way_together_are_each_stored",
    mutants.RefusesWhatIsBesideARefusal: "a_refusal_touches_no_append_beside_it",
    mutants.ShowsHalfGroups: "readers_see_whole_groups_while_others_write",
    mutants.MixesSnapshots: "entities_never_see_each_others_snapshots",
    mutants.LetsSnapshotsGoBack: "an_older_snapshot_never_replaces_a_newer_one",
    mutants.KeepsAllSnapshots: "as_many_snapshots_are_kept_as_was_asked_for",
    mutants.IgnoresEpochs: "the_old_owner_is_shut_out",
    mutants.IgnoresWriters: "an_event_needs_a_fence_of_its_writer_and_epoch",
    mutants.GrantsLowClaims: "a_claim_with_a_lower_epoch_changes_nothing",
    mutants.HasOneFence: "fences_are_apart",
    mutants.ClaimsWithoutWaiting: "after_a_claim_nothing_of_the_old_owner_arrives",
    fence_mutants.ForgetsTheHeldEpoch: "a_refused_claim_tells_the_epoch_that_is_held",
    fence_mutants.TellsTheHeldEpochOfAnother: "a_refused_claim_tells_the_epoch_that_is_held",
    fence_mutants.HasEpochsOf32Bits: "an_epoch_has_sixty_three_bits",
    fence_mutants.GivesAFenceToOneEntity: "one_fence_is_enough_for_many_entities",
    fence_mutants.LooksAtTheFirstFenceOfABatch: "the_owners_of_other_shards_write_on",
    fence_mutants.LetsAnOwnerKeepWhatItHasBegun: "a_new_owner_shuts_out_the_old_one_from_every_entity",
    fence_mutants.ShutsOutByPrefix: "the_owners_of_other_shards_write_on",
    fence_mutants.RefusesAllOfAnOwner: "a_refused_entity_says_nothing_about_others_of_its_owner",
    fence_mutants.LetsAnOwnerComeBackToItsOldEpoch: "a_shard_that_comes_back_has_another_epoch",
    fence_mutants.CountsRepeatedClaims: "each_entity_may_repeat_its_owners_claim_while_others_write",
    fence_mutants.LooksAtFencesEntityByEntity: "after_a_claim_nothing_arrives_for_any_entity",
    fence_mutants.RefusesASecondAppendUnderAFence: "appends_under_one_fence_may_be_under_way_together",
    order_mutants.SkipsBetweenPages: "reading_page_by_page_answers_every_event_once",
    order_mutants.ReadsFromTheStart: "reading_goes_on_after_an_offset",
    order_mutants.StopsWhereOthersHaveRead: "a_reader_of_a_tag_goes_on_after_others_have_read_further",
    order_mutants.CountsEventsForOffsets: "the_highest_offset_is_never_below_one_that_is_read",
    order_mutants.ForgetsTheOffsetsOfDeletedEvents: "the_highest_offset_outlives_its_event",
    order_mutants.ShowsEventsLate: "a_reader_never_misses_what_others_write_meanwhile",
    order_mutants.FindsTagsWithinTags: "any_text_is_a_tag",
    order_mutants.ListsEntitiesUnordered: "entities_are_listed_by_their_bytes",
    mutants.DeletesNothing: "deleted_events_are_not_replayed",
    mutants.CountsWhatIsDeletedInTheLimit: "replay_takes_all_bounds_around_what_is_deleted",
    mutants.BeginsAgainAtOne: "numbers_go_on_where_everything_is_deleted",
    mutants.TakesTheBoundForTheHighest: "a_bound_beyond_the_highest_takes_no_number_away",
    mutants.RemembersTheLastBoundOnly: "what_is_deleted_already_may_be_deleted_again",
    mutants.RemembersWhatWasNeverThere: "an_unknown_entity_has_nothing_to_delete",
    mutants.DeletesByPrefix: "other_entities_lose_nothing",
    mutants.AcknowledgesDeletedNumbers: "the_number_of_a_deleted_event_is_refused",
    mutants.DeletesSnapshotsToo: "snapshots_stay",
    mutants.DeletesOneByOne: "events_may_be_deleted_while_others_are_written_and_read",
    mutants.ReadsWhatIsDeleted: "deleted_events_are_not_read_in_order",
    mutants.GivesOffsetsAgain: "deleted_events_are_not_read_in_order",
    mutants.RenumbersWhatIsLeft: "deleted_events_are_not_read_in_order",
}


async def complaints(mutant: type[MemoryStore]) -> dict[str, str]:
    """What each check that fails says."""
    said: dict[str, str] = {}
    for check in checks(mutant().capabilities):
        try:
            await check(lambda: nullcontext(mutant()))
        except (AssertionError, JournalError) as error:
            said[check.__name__] = str(error)
    return said


@pytest.mark.parametrize("mutant", CAUGHT_BY)
async def test_a_mutant_is_caught_by_the_check_that_is_there_for_it(mutant: type[MemoryStore]) -> None:
    said = await complaints(mutant)
    assert CAUGHT_BY[mutant] in said
    assert all(said.values()), "a check fails without a word"


async def test_what_is_no_mutant_is_not_caught() -> None:
    assert await complaints(MemoryStore) == {}


def test_every_mutant_is_tried() -> None:
    assert mutants_in(MemoryStore, mutants, fence_mutants, order_mutants) == CAUGHT_BY.keys()
