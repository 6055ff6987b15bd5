"""The stranger's journal passes its kit, works for an actor, and with any one of its bugs fails."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from casty import ActorContext, ActorSystem, Behavior, Behaviors, CastyConfig
from casty.config import JournalConfig
from casty.errors import JournalSchemaError
from casty.spi.journal import JournalStore
from casty.testing import TestProbe
from casty.testing.conformance.journal import Check, checks

from tests.conformance.mutations import by_name, mutants_in
from tests.plugins.stranger import journal, journal_mutants
from tests.plugins.stranger.journal import CAPABILITIES, FolderOptions, FolderStore, opened

CAUGHT_BY: dict[type[FolderStore], str] = {
    journal_mutants.DeclaresWhatItHasNot: "the_store_says_what_its_provider_declares",
    journal_mutants.KeepsAllInMemory: "a_reopened_store_has_its_events",
    journal_mutants.WritesTheLastLineLater: "a_reopened_store_has_its_events",
    journal_mutants.ForgetsTagsOnDisk: "a_reopened_store_has_its_events",
    journal_mutants.ForgetsSerializersOnDisk: "a_reopened_store_knows_the_writers",
    journal_mutants.RoundsTimesOnDisk: "a_reopened_store_has_its_events",
    journal_mutants.KnowsNoRepetition: "a_repeated_group_is_acknowledged_and_stored_once",
    journal_mutants.AcknowledgesEverything: "a_number_that_is_taken_is_refused",
    journal_mutants.AcknowledgesTooEarly: "what_is_acknowledged_can_be_read_at_once",
    journal_mutants.RaisesForOneBadGroup: "a_refused_group_never_hurts_its_neighbours",
    journal_mutants.StopsInTheMiddleWhenCancelled: "a_cancelled_append_is_there_whole_or_not_at_all",
    journal_mutants.LooksUpNothing: "a_first_event_has_the_number_1",
    journal_mutants.IgnoresTheLimit: "replay_answers_no_more_than_its_limit",
    journal_mutants.SortsByTime: "time_stamps_mean_nothing_for_the_order",
    journal_mutants.TakesIdsForAlike: "ids_that_look_alike_are_different",
    journal_mutants.KeepsOneSnapshot: "as_many_snapshots_are_kept_as_was_asked_for",
    journal_mutants.AnswersTheNewestSnapshotAlways: "as_many_snapshots_are_kept_as_was_asked_for",
    journal_mutants.ReadsTheLastOneAgain: "reading_goes_on_after_an_offset",
    journal_mutants.WantsAllTags: "tags_select_events",
    journal_mutants.ListsEntitiesAsTheyCame: "entities_are_listed_by_their_bytes",
    journal_mutants.WritesWhenItMayOnlyRead: "a_look_changes_nothing",
    journal_mutants.MakesWhatItWasToLookAt: "a_look_at_nothing_makes_nothing",
    journal_mutants.GoesOnWhenItIsClosed: "a_closed_store_says_so",
    journal_mutants.HidesDamage: "a_snapshot_comes_back_unchanged",
    journal_mutants.RefusesAnEmptyAppend: "nothing_to_store_is_no_error",
}
CHECKS = by_name(checks(CAPABILITIES))


async def run(check: Check, kind: type[FolderStore], folder: Path) -> None:
    def open_store(*, read_only: bool = False) -> AbstractAsyncContextManager[JournalStore]:
        return opened(kind(folder, FolderOptions(read_only)))

    await check(open_store)


@pytest.mark.parametrize("name", CHECKS)
async def test_conformance(name: str, tmp_path: Path) -> None:
    await run(CHECKS[name], FolderStore, tmp_path / "journal")


@pytest.mark.parametrize("mutant", CAUGHT_BY)
async def test_each_bug_is_caught_by_the_check_that_is_there_for_it(mutant: type[FolderStore], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"\w+ \w+"):
        await run(CHECKS[CAUGHT_BY[mutant]], mutant, tmp_path / "journal")


def test_every_bug_is_tried() -> None:
    assert mutants_in(FolderStore, journal_mutants) == CAUGHT_BY.keys()


async def test_an_actor_finds_its_history_again(tmp_path: Path) -> None:
    async def on_command(ctx: ActorContext[int], state: int, command: int) -> Behavior[int]:
        probe.ref.tell(state + command)
        return Behaviors.persisted([command])

    def added(state: int, event: int) -> int:
        return state + event

    config = CastyConfig(journal=JournalConfig(url=f"folder://{tmp_path}/journal"))
    for expected in (1, 2, 3):
        async with ActorSystem(config=config, plugins=[journal]) as system:
            probe = TestProbe[int](system)
            system.spawn(
                Behaviors.event_sourced(entity_id="a", initial_state=0, on_event=added, on_command=on_command)
            ).tell(1)
            assert await probe.receive() == expected


async def test_a_damaged_file_is_refused_and_a_torn_line_is_not(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"torn": ')
    async with opened(FolderStore(tmp_path, FolderOptions())) as store:
        assert await store.highest_offset() == 0
    (tmp_path / "events.jsonl").write_text('{"damaged": 1}\n')
    with pytest.raises(JournalSchemaError, match="line 1 is no record of a journal"):
        async with opened(FolderStore(tmp_path, FolderOptions())):
            pass
