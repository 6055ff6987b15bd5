"""Which copies a node has: found again after a restart, and never those of another node."""

from itertools import count

import pytest
from casty import InMemoryJournal
from casty.errors import JournalError
from casty.spi.event_journal import EventJournal, PersistedEvent
from casty_cluster.replication.copy_index import CopyIndex

from tests.cluster.replication.journals import UnreliableJournal

NAMES = count()


async def opened(journal: EventJournal, node: str = "node-1", region: str = "bank", num_shards: int = 100) -> CopyIndex:
    index = CopyIndex(journal, region, num_shards, node, lambda: f"c{next(NAMES)}", lambda: 0.0)
    await index.open()
    return index


async def test_copies_have_names_of_their_own_and_are_found_again() -> None:
    journal = InMemoryJournal()
    index = await opened(journal)
    await index.create([7])
    await index.create([3, 9])
    assert index.copies.keys() == {7, 3, 9}
    assert len({*index.copies.values()}) == 3
    assert (await opened(journal)).copies == index.copies


async def test_neither_another_node_nor_another_region_has_them() -> None:
    journal = InMemoryJournal()
    await (await opened(journal)).create([7])
    assert (await opened(journal, node="node-2")).copies == (await opened(journal, region="shop")).copies == {}


async def test_a_creation_whose_outcome_is_unknown_is_found_out_by_opening() -> None:
    journal = UnreliableJournal()
    index = await opened(journal)
    journal.after = OSError("no answer")
    with pytest.raises(OSError, match="no answer"):
        await index.create([7])
    assert index.copies == {}
    journal.heal()
    await index.open()
    assert index.copies.keys() == {7}
    await index.create([8])
    assert (await opened(journal)).copies.keys() == {7, 8}


async def test_which_shards_exist_is_stored_once() -> None:
    journal = UnreliableJournal()
    index = await opened(journal)
    await index.know([3, 1])
    await index.know([1, 3])
    await index.create([7])
    await index.know([1, 2])
    again = await opened(journal)
    assert (again.known, again.copies) == ({1, 2, 3}, index.copies)
    assert len(await journal.load("copies/bank/node-1")) == 4, "with the number of shards"


async def test_what_could_not_be_stored_is_not_known() -> None:
    journal = UnreliableJournal()
    index = await opened(journal)
    journal.before = OSError("no space left on device")
    with pytest.raises(OSError, match="no space"):
        await index.know([7])
    assert index.known == set()


async def test_copies_of_another_number_of_shards_are_refused_and_nothing_is_changed() -> None:
    journal = InMemoryJournal()
    await (await opened(journal, num_shards=100)).create([7])
    with pytest.raises(JournalError, match=r"num_shards=100.*num_shards=200 now.*spawn it with num_shards=100"):
        await opened(journal, num_shards=200)
    assert (await opened(journal, num_shards=100)).copies.keys() == {7}


@pytest.mark.parametrize("entry", [["copy", "7", "c"], ["copy", 7], ["newer", 7, "c"], ["shards", 7], 7])
async def test_an_entry_that_cannot_be_read_is_no_missing_copy(entry: object) -> None:
    journal = InMemoryJournal()
    await journal.persist("copies/bank/node-1", [PersistedEvent(1, entry, 0.0)])
    with pytest.raises(JournalError, match=r"entry 1 of 'copies/bank/node-1'.*wipe it"):
        await opened(journal)
