"""Compaction of a copy: what a crash, a failing journal or another writer does at each of its calls."""

import logging
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest
from casty.errors import JournalError, SequenceConflictError
from casty.spi.event_journal import EventJournal, PersistedEvent
from casty_cluster.protocol.replication.stored import (
    Change,
    Contents,
    StoreConfirmation,
    StoreEntries,
    StoreLives,
    StorePromise,
    StoreSnapshot,
    StoreView,
)
from casty_cluster.replication import copy_store, generation, segments
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.records import Continued
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.replication import Epoch, FetchedSnapshot, View

from tests.cluster.protocol.replication.node import Disk
from tests.cluster.replication.changes import E2, entries, fetch, plain, random_changes, read_all
from tests.cluster.replication.journals import Crash, FailingAtACall, FourMethods

NAME = "copy/bank/7/a"
VIEW = View(epoch=E2, copies=("a", "b"), min_acks=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of a few changes, and a compaction every few of them."""
    monkeypatch.setattr(generation, "SEGMENT", 4)
    monkeypatch.setattr(segments, "RECORD", 10)
    monkeypatch.setattr(copy_store, "SLACK", 40)


def store_in(journal: EventJournal) -> CopyStore:
    return CopyStore(journal, NAME, lambda: 0.0, SegmentCache())


async def opened(journal: EventJournal) -> CopyStore:
    store = store_in(journal)
    await store.open()
    return store


async def tidied(store: CopyStore) -> None:
    """Remove all that can be."""
    while store.is_untidy:
        await store.tidy()


class Writer:
    """Stores changes and tidies a little behind each of them, until the process ends."""

    def __init__(self, journal: EventJournal, changes: Sequence[Change], random: Random) -> None:
        self.store = store_in(journal)
        self.acknowledged = 0
        self._journal = journal
        self._changes = changes
        self._random = random

    async def run(self) -> None:
        await self.store.open()
        for change in self._changes[self.acknowledged :]:
            await self.store.append([change])
            self.acknowledged += 1
            for _ in range(self._random.randrange(4)):
                if self.store.is_untidy:
                    await self.store.tidy()
        await tidied(self.store)

    async def reopen(self) -> None:
        """Check what is there: all that was acknowledged, and perhaps the change that was under way."""
        found = plain(await self.store.open())
        attempted = [self.acknowledged, min(self.acknowledged + 1, len(self._changes))]
        matching = [count for count in attempted if found == plain(after(self._changes[:count]).contents)]
        assert matching, f"after {self.acknowledged} changes there is {found}"
        self.acknowledged = matching[-1]
        await self.check()

    async def check(self) -> None:
        disk = after(self._changes[: self.acknowledged])
        assert plain(await self.store.open()) == plain(disk.contents)
        for entity in "xyz":
            assert await read_all(self.store, entity) == disk.entries.get(entity, [])


def after(changes: Sequence[Change]) -> Disk:
    disk = Disk()
    for change in changes:
        disk.apply(change)
    return disk


KINDS: dict[str, Callable[[FailingAtACall], EventJournal]] = {
    "it can delete": lambda journal: journal,
    "it has four methods": FourMethods,
}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_left_is_what_was_stored(kind: str, seed: int) -> None:
    changes = [*random_changes(Random(seed), 150)]
    journal = FailingAtACall()
    writer = Writer(KINDS[kind](journal), changes, Random(seed))
    await writer.run()
    await writer.check()
    assert sum(call == f"persist {NAME}/generations" for call in journal.calls) >= 8, "it was compacted all the time"


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_crash_at_any_call_loses_nothing(kind: str, done: bool) -> None:
    """A crash before or after each call, and another one soon afterwards."""
    changes = [*random_changes(Random(1), 60)]
    number, failed = -1, True
    while failed:
        number += 1
        journal = FailingAtACall(number, done=done, error=Crash())
        writer = Writer(KINDS[kind](journal), changes, Random(number))
        for again in (number % 13, None):
            try:
                await writer.run()
            except Crash:
                await writer.reopen()
                journal.fails_at = None if again is None else len(journal.calls) + again
        journal.fails_at, failed = None, journal.has_failed
        await writer.run()
        await writer.check()
        if kind == "it can delete":
            await nothing_is_left_over(journal, writer.store)
    assert number > 120


async def nothing_is_left_over(journal: FailingAtACall, store: CopyStore) -> None:
    """What is in the journal belongs to one generation, apart from a segment that was under way at a crash."""
    await store.append([StorePromise(Epoch(1_000, 1))])
    await tidied(store)
    prefix = f"{NAME}/{store._current.number}/" if store._current.number else f"{NAME}/"
    names = [name for name in await journal.records() if name != f"{NAME}/generations"]
    assert names, "the promise is there"
    assert all(name.startswith(prefix) for name in names), f"{names} are not of {prefix}"


@pytest.mark.parametrize("done", [False, True])
async def test_an_error_at_any_call_is_logged_or_ends_the_life(done: bool, caplog: pytest.LogCaptureFixture) -> None:
    changes = [*random_changes(Random(2), 30)]
    number, failed, ended = -1, True, 0
    while failed:
        number += 1
        caplog.clear()
        journal = FailingAtACall(number, done=done)
        writer = Writer(journal, changes, Random(number))
        try:
            await writer.run()
        except OSError:
            ended += 1
            await writer.reopen()
            await writer.run()
        else:
            assert not journal.has_failed or "cannot be removed from its journal for now" in caplog.text
        journal.fails_at, failed = None, journal.has_failed
        await writer.check()
    assert 30 < ended < number, "the changes themselves, and the ends of generations"


async def test_the_stream_stays_in_proportion_to_what_it_holds() -> None:
    """An entity of 2,000 events with a snapshot after each tenth, and a promise now and then."""
    for kind in KINDS:
        journal = FailingAtACall()
        store = await opened(KINDS[kind](journal))
        largest = 0
        for number in range(2_000):
            await store.append([StoreEntries("x", number, entries(b"e"))])
            if number % 10 == 9:
                await store.append(
                    [StoreSnapshot("x", ((1, 2**64 - 1, number + 1),), b"state"), StorePromise(Epoch(number, 1))]
                )
            await tidied(store)
            largest = max(largest, sum((await journal.records()).values())) if number % 50 == 49 else largest
        before = len(journal.calls)
        await store_in(KINDS[kind](journal)).open()
        assert len(journal.calls) - before <= 10, "opening reads a few segments"
        if kind == "it can delete":
            assert largest < 60


async def test_promises_views_starts_and_states_are_kept_once() -> None:
    journal, changes = FailingAtACall(), list[Change]()
    for number in range(1, 31):
        lives = (("a", number, number), ("b", number, 7))
        changes += [StoreLives(lives), StorePromise(Epoch(number, 1)), StoreConfirmation(Epoch(number, 1))]
        changes += [StoreView(VIEW), StoreEntries("x", number - 1, entries(b"e"))]
    changes.append(StoreSnapshot("x", ((1, 2**64 - 1, 30),), b"state"))
    store, expected = await opened(journal), Contents()
    for change in changes:
        await store.append([change])
        expected.apply(change)
        await tidied(store)
    assert plain(await store.open()) == plain(expected)
    assert sum((await journal.records()).values()) < 20
    assert isinstance(await store.read(fetch("x", 3)), FetchedSnapshot)


def superseding() -> Iterator[Change]:
    """Changes of which only the last state counts."""
    for number in range(1, 1_000):
        yield StoreEntries("x", number - 1, entries(b"event"))
        yield StoreSnapshot("x", ((1, 2**64 - 1, number),), b"state")


async def until_a_step(store: CopyStore, holds: Callable[[], bool]) -> None:
    """Store changes and tidy, until a compaction has come so far."""
    changes = superseding()
    while not holds():
        if store.is_untidy:
            await store.tidy()
        else:
            await store.append([next(changes)])


async def test_events_that_a_snapshot_has_replaced_are_there_until_a_compaction() -> None:
    store = await opened(FailingAtACall())
    await store.append([StoreEntries("x", 0, entries(b"1", b"2")), StoreSnapshot("x", ((1, 2**64 - 1, 2),), b"state")])
    assert [entry.payload for entry in (await store.read_events(fetch("x", 0))).entries] == [b"1", b"2"]
    for number in range(9, 40):
        await store.append([StorePromise(Epoch(number, 1))])
    await tidied(store)
    with pytest.raises(JournalError, match="event 1 of 'x' is not kept any more: the state after event 2"):
        await store.read_events(fetch("x", 0))
    assert (await store.read_events(fetch("x", 2))).entries == ()


async def test_a_writer_that_does_not_know_of_a_compaction_is_refused() -> None:
    """Such as what an earlier life has under way: it would be stored where nothing reads it."""
    journal = FailingAtACall()
    store = await opened(journal)
    await until_a_step(store, lambda: store._compaction is not None)
    stale = await opened(journal)
    await tidied(store)
    with pytest.raises(SequenceConflictError):
        await stale.append([StorePromise(E2)])
    assert plain(await store.open()) == plain(await store_in(journal).open())


async def test_a_late_end_of_an_earlier_life_finds_the_generation_that_it_names() -> None:
    """A new life deletes nothing before a change of its own has the number that a late record would take."""
    journal = FailingAtACall()
    store = await opened(journal)
    await until_a_step(store, lambda: store._compaction is not None)
    assert store._compaction is not None
    new = await opened(journal)
    assert new._clearing is not None
    assert not new.is_untidy
    await store._current.append([Continued(store._compaction.new.number)])
    with pytest.raises(SequenceConflictError):
        await new.append([StorePromise(E2)])


async def test_a_generation_that_is_missing_is_not_an_empty_copy() -> None:
    journal = FailingAtACall()
    store = await opened(journal)
    await until_a_step(store, lambda: store._current.number > 0 and not store.is_untidy)
    await journal.delete_events(f"{NAME}/{store._current.number}/0", 1_000)
    with pytest.raises(JournalError, match=f"has no changes of generation {store._current.number}"):
        await store.open()


@pytest.mark.parametrize("entry", [["generations"], ["current"], ["current", "1"], None, []])
async def test_an_entry_of_a_newer_version_is_not_skipped(entry: object) -> None:
    journal = FailingAtACall()
    await journal.persist(f"{NAME}/generations", [PersistedEvent(1, entry, 0.0)])
    with pytest.raises(JournalError, match=r"entry 1 .* cannot be read: .* newer version of casty"):
        await store_in(journal).open()


async def test_records_of_generations_stay_as_they_are() -> None:
    journal = FourMethods()
    store = await opened(journal)
    await until_a_step(store, lambda: store._current.number > 0 and not store._is_followed)
    assert [event.event for event in await journal.load(f"{NAME}/generations")] == [["generation"], ["current", 1]]
    replaced = [event.event for segment in range(9) for event in await journal.load(f"{NAME}/{segment}")]
    assert replaced[-1] == ["continued", 1]
    assert (await journal.load(f"{NAME}/1/0"))[0].event == ["promise", 0, 0]


async def test_a_compaction_keeps_pace_with_its_writer() -> None:
    """However much is stored between two steps, it comes to an end."""
    store = await opened(FailingAtACall())
    await until_a_step(store, lambda: store._compaction is not None)
    compaction, last = store._compaction, store._current.contents.histories["x"].last
    for turn in range(20):
        await store.append([StoreEntries("x", last + 20 * turn + k, entries(b"event")) for k in range(20)])
        await store.tidy()
        if store._compaction is not compaction:
            return
    raise AssertionError("it never ends")


async def test_large_events_share_a_segment_with_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 256)
    monkeypatch.setattr(generation, "SEGMENT_BYTES", 1_000)
    journal = FailingAtACall()
    store = await opened(journal)
    await store.append([StoreEntries("x", number, entries(b"e" * 400)) for number in range(10)])
    assert [*(await journal.records()).values()] == [3, 3, 3, 1]
    assert len(await read_all(await opened(journal), "x")) == 10


async def test_a_failure_is_tried_again_when_more_is_superseded(caplog: pytest.LogCaptureFixture) -> None:
    journal = FailingAtACall()
    store = await opened(journal)
    await until_a_step(store, lambda: store._compaction is not None)
    journal.fails_at = len(journal.calls)
    with caplog.at_level(logging.WARNING):
        await store.tidy()
    assert "cannot be removed from its journal for now: OSError" in caplog.text
    assert not store.is_untidy
    await until_a_step(store, lambda: store._current.number > 0 and not store.is_untidy)
    assert {*await journal.records()} == {f"{NAME}/generations", f"{NAME}/{store._current.number}/0"}
