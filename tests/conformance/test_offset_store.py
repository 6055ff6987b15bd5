"""The kit for offset stores: the one in memory passes it, and stores that are wrong in one way each fail it."""

import subprocess
import sys
from typing import Any

import pytest
from casty.errors import CastyError
from casty.projections import InMemoryOffsets
from casty.testing.conformance.offset_store import Capabilities, Check, Subject, checks

from tests.conformance import offset_store_mutants as mutants
from tests.conformance.mutations import mutants_in
from tests.conformance.offset_store_mutants import TransactionalOffsets

ALL = checks(Capabilities(transactional=True))

CAUGHT_BY: dict[type[TransactionalOffsets], str] = {
    mutants.CommitsAnyway: "an_exception_stores_nothing_and_comes_out_unchanged",
    mutants.CommitsWhenCancelled: "a_cancelled_transaction_stores_nothing",
    mutants.SwallowsExceptions: "an_exception_stores_nothing_and_comes_out_unchanged",
    mutants.WrapsExceptions: "an_exception_stores_nothing_and_comes_out_unchanged",
    mutants.KeepsItsLockAfterAnException: "a_transaction_that_failed_lets_the_next_one_in",
    mutants.ShowsWhatIsNotCommitted: "an_offset_is_stored_with_the_commit_and_not_before",
    mutants.OnlyGoesForward: "an_offset_may_go_back",
    mutants.CountsTheFirstAdvance: "the_last_of_several_advances_counts",
    mutants.Has32Bits: "any_offset_of_63_bits_is_kept",
    mutants.IgnoresCase: "names_are_apart_however_alike_they_are",
    mutants.ExcludesNoTransaction: "later_transactions_exclude_each_other",
    mutants.LocksOnlyWhatIsThere: "the_first_transactions_of_a_name_exclude_each_other",
    mutants.MakesReadersWait: "the_offset_can_be_read_while_a_transaction_runs",
    mutants.LooksBeforeItWaits: "later_transactions_exclude_each_other",
    mutants.CommitsRowsAtOnce: "rows_and_offset_are_committed_together",
    mutants.ForgetsRowsWithoutAnAdvance: "rows_without_an_advance_are_committed_too",
}


def subject(store: TransactionalOffsets) -> Subject:
    async def insert(connection: Any, row: str) -> None:
        await connection.insert(row)

    async def rows() -> list[str]:
        return store.rows

    return Subject(store.open, insert, rows)


async def complaints(mutant: type[TransactionalOffsets]) -> dict[str, str]:
    """What each check that fails says."""
    said: dict[str, str] = {}
    for check in ALL:
        try:
            await check(subject(mutant()))
        except (AssertionError, CastyError, TimeoutError, RuntimeError, KeyError) as error:
            said[check.__name__] = repr(error)
    return said


@pytest.mark.parametrize("check", checks(Capabilities(transactional=False)))
async def test_offsets_in_memory_conform(check: Check) -> None:
    store = InMemoryOffsets()
    await check(Subject(store.open))


async def test_a_transactional_store_that_is_right_is_not_caught() -> None:
    assert await complaints(TransactionalOffsets) == {}


@pytest.mark.parametrize("mutant", CAUGHT_BY)
async def test_a_mutant_is_caught_by_the_check_that_is_there_for_it(mutant: type[TransactionalOffsets]) -> None:
    assert CAUGHT_BY[mutant] in await complaints(mutant)


def test_every_mutant_is_tried() -> None:
    assert mutants_in(TransactionalOffsets, mutants) == CAUGHT_BY.keys()


def test_a_store_gets_the_checks_that_fit_its_promises() -> None:
    fewer = checks(Capabilities(transactional=False))
    assert (len(fewer), len(ALL)) == (14, 19)
    assert {*fewer} < {*ALL}
    assert len({check.__name__ for check in ALL}) == len(ALL)


def test_the_kit_needs_no_pytest() -> None:
    program = "import sys, casty.testing.conformance.offset_store; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
