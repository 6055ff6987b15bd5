"""Copies in a journal: what comes back is what was stored, in any journal, and nothing is skipped."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from casty import InMemoryJournal, SqliteJournal
from casty.errors import JournalError, SequenceConflictError
from casty.spi.event_journal import EventJournal, PersistedEvent
from casty_cluster.protocol.replication.stored import (
    Change,
    Contents,
    StoreConfirmation,
    StoreEntries,
    StorePromise,
    StoreSnapshot,
    StoreView,
)
from casty_cluster.replication import generation
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.replication import START, Entry, Fetched, Group, Position, View

from tests.cluster.protocol.replication.node import Disk
from tests.cluster.replication.changes import E1, E2, entries, fetch, plain, random_changes, read_all
from tests.cluster.replication.journals import UnreliableJournal

VIEW = View(epoch=E2, copies=("a", "b"), min_acks=1, former=(Group(("c", "a", "b"), 2),), forced=(E1, E2))


@pytest.fixture
def journal() -> UnreliableJournal:
    return UnreliableJournal()


def store_in(journal: EventJournal, name: str = "replica/bank/7/a") -> CopyStore:
    return CopyStore(journal, name, lambda: 0.0, SegmentCache())


async def opened(journal: EventJournal, name: str = "replica/bank/7/a") -> CopyStore:
    store = store_in(journal, name)
    await store.open()
    return store


async def read(store: CopyStore, entity: str, after: int) -> Fetched:
    fetched = await store.read(fetch(entity, after))
    assert isinstance(fetched, Fetched)
    return fetched


async def test_a_new_copy_is_empty(journal: UnreliableJournal) -> None:
    assert plain(await store_in(journal).open()) == plain(Contents())
    fetched = await read(await opened(journal), "x", 5)
    assert (fetched.previous, fetched.entries) == (START, ())


CHANGES: list[Change] = [
    StorePromise(E1),
    StoreEntries("x", 0, entries(b"1", b"2", b"3")),
    StoreConfirmation(E1),
    StorePromise(E2),
    StoreEntries("x", 1, entries(b"", b"\0" * 9, epoch=E2)),
    StoreEntries("", 0, entries(b"y")),
    StoreView(VIEW),
    StoreEntries("x", 2, ()),
]


@pytest.mark.parametrize("segment", [1, 2, 3, 100])
async def test_all_changes_come_back(journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch, segment: int) -> None:
    monkeypatch.setattr(generation, "SEGMENT", segment)
    store = await opened(journal)
    expected = Contents()
    for change in CHANGES:
        await store.append([change])
        expected.apply(change)
        assert plain(await store_in(journal).open()) == plain(expected)
    assert await read_all(await opened(journal), "x") == [Entry(E1, b"1"), Entry(E2, b"")]
    assert (await store.read(fetch("x", 1))).previous == Position(E1, 1)


async def test_changes_are_stored_in_one_commit_for_each_segment(
    journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 3)
    store = await opened(journal)
    await store.append(CHANGES)
    assert journal.commits == [3, 3, 2]
    await store.append([StorePromise(E2)])
    await store.append([StorePromise(E2)])
    assert journal.commits == [3, 3, 2, 1, 1]
    assert plain(await store_in(journal).open()) != plain(Contents())


async def test_a_full_last_segment_is_not_the_end(journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 2)
    await (await opened(journal)).append([StorePromise(E1), StorePromise(E1)])
    await (await opened(journal)).append([StorePromise(E2)])
    assert (await store_in(journal).open()).promised == E2


@pytest.mark.parametrize("seed", range(20))
async def test_histories_come_back_like_those_of_the_explorations_disk(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    monkeypatch.setattr(generation, "SEGMENT", random.choice((2, 5, 16)))
    monkeypatch.setattr(generation, "CHUNK", random.choice((1, 10, 1000)))
    journal, disk = InMemoryJournal(), Disk()
    store = await opened(journal)
    for change in random_changes(random, 60):
        await store.append([change])
        disk.apply(change)
    for checked in (store, await opened(journal)):
        for entity in "xyz":
            assert await read_all(checked, entity) == disk.entries.get(entity, [])
    await journal.aclose()


async def test_a_chunk_is_bounded_but_for_its_first_event(
    journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "CHUNK", 10)
    store = await opened(journal)
    await store.append([StoreEntries("x", 0, entries(b"a" * 99, b"b" * 5, b"c" * 5, b"d"))])
    sizes = [len((await read(store, "x", after)).entries) for after in range(5)]
    assert sizes == [1, 2, 2, 1, 0]


def loads_of(journal: UnreliableJournal) -> list[str]:
    """What is loaded from now on."""
    loads: list[str] = []
    load = journal.load

    async def counted(entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        loads.append(entity_id)
        return await load(entity_id, from_sequence_nr)

    journal.load = counted  # pyright: ignore[reportAttributeAccessIssue] - the fake's own method
    return loads


async def test_reading_a_long_history_loads_one_segment(journal: UnreliableJournal, monkeypatch: Any) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 4)
    store = await opened(journal)
    for number in range(40):
        await store.append([StoreEntries("x", number, entries(b"e"))])
    loads = loads_of(journal)
    assert len((await read(store, "x", 21)).entries) == 3
    assert loads == ["replica/bank/7/a/5"]


async def test_copies_in_one_journal_do_not_mix() -> None:
    journal = InMemoryJournal()
    one, other = await opened(journal, "replica/bank/7/a"), await opened(journal, "replica/bank/7/b")
    await one.append([StorePromise(E1), StoreEntries("x", 0, entries(b"one"))])
    await other.append([StorePromise(E2), StoreEntries("x", 0, entries(b"other"))])
    await one.append([StoreEntries("x", 1, entries(b"two"))])
    assert (await store_in(journal, "replica/bank/7/a").open()).promised == E1
    assert await read_all(one, "x") == [*entries(b"one", b"two")]
    assert await read_all(await opened(journal, "replica/bank/7/b"), "x") == [*entries(b"other")]
    await journal.aclose()


async def test_a_file_that_is_opened_again_has_all_changes(tmp_path: Path) -> None:
    async with SqliteJournal(tmp_path / "copies.db") as journal:
        await (await opened(journal)).append(CHANGES)
    expected = Contents()
    for change in CHANGES:
        expected.apply(change)
    async with SqliteJournal(tmp_path / "copies.db") as journal:
        assert plain(await store_in(journal).open()) == plain(expected)
        assert await read_all(await opened(journal), "x") == [Entry(E1, b"1"), Entry(E2, b"")]


# Disks that fail


@pytest.mark.parametrize("stored", range(4))
async def test_what_a_failed_commit_has_stored_comes_back(journal: UnreliableJournal, stored: int) -> None:
    store = await opened(journal)
    await store.append(CHANGES[:2])
    journal.keeps = stored
    with pytest.raises(OSError, match="no space"):
        await store.append(CHANGES[2:5])
    journal.heal()
    expected = Contents()
    for change in CHANGES[: 2 + stored]:
        expected.apply(change)
    assert plain(await store.open()) == plain(expected)
    await store.append(CHANGES[2 + stored :])
    assert await read_all(store, "x") == [Entry(E1, b"1"), Entry(E2, b"")]


async def test_a_commit_that_was_stored_after_all_comes_back(journal: UnreliableJournal) -> None:
    store = await opened(journal)
    journal.after = ConnectionError("the reply was lost")
    with pytest.raises(ConnectionError):
        await store.append(CHANGES)
    journal.heal()
    assert (await store.open()).view == VIEW


@pytest.mark.parametrize("was_read", [False, True])
async def test_what_a_failed_commit_has_stored_is_read_where_the_segment_was_read_before(
    journal: UnreliableJournal, was_read: bool
) -> None:
    store = await opened(journal)
    await store.append([StoreEntries("x", 0, entries(b"1"))])
    if was_read:
        await read_all(store, "x")
    journal.after = ConnectionError("the reply was lost")
    with pytest.raises(ConnectionError):
        await store.append([StoreEntries("x", 1, entries(b"2"))])
    journal.heal()
    await store.open()
    assert await read_all(store, "x") == [*entries(b"1", b"2")]


async def test_an_owner_that_does_not_know_of_another_one_is_refused(journal: UnreliableJournal) -> None:
    """Also a commit of its own earlier life that arrives late: neither overwrites the other."""
    first, second = await opened(journal), await opened(journal)
    await first.append([StorePromise(E1)])
    with pytest.raises(SequenceConflictError):
        await second.append([StorePromise(E2)])
    assert (await second.open()).promised == E1
    await second.append([StorePromise(E2)])


@pytest.mark.parametrize(("before", "now"), [(2, 5), (5, 2)])
async def test_segments_of_another_size_are_read(
    journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch, before: int, now: int
) -> None:
    monkeypatch.setattr(generation, "SEGMENT", before)
    await (await opened(journal)).append(CHANGES)
    monkeypatch.setattr(generation, "SEGMENT", now)
    store = await opened(journal)
    await store.append([StoreEntries("x", 2, entries(b"3", epoch=E2))])
    assert await read_all(await opened(journal), "x") == [Entry(E1, b"1"), Entry(E2, b""), Entry(E2, b"3")]


async def test_missing_changes_are_noticed(journal: UnreliableJournal) -> None:
    await (await opened(journal)).append(CHANGES)
    load = journal.load

    async def without_the_third(entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        events = await load(entity_id, from_sequence_nr)
        return events[:2] + events[3:]

    journal.load = without_the_third  # pyright: ignore[reportAttributeAccessIssue] - the fake's own method
    with pytest.raises(
        JournalError, match=r"'replica/bank/7/a' is incomplete: .* 7 changes of segment 0, .* first 2 are"
    ):
        await store_in(journal).open()


@pytest.mark.parametrize(
    "record",
    [
        ["quorum", 1, 2],
        ["snapshot", "x", [], b""],
        ["promise", 1],
        ["promise", "1", 2],
        ["entries", "x", 0],
        "promise",
        {"promise": 1},
        None,
        [],
    ],
)
async def test_a_change_of_a_newer_version_is_not_skipped(journal: UnreliableJournal, record: object) -> None:
    await journal.journal.persist("replica/bank/7/a/0", [PersistedEvent(1, record, 0.0)])
    with pytest.raises(JournalError, match=r"cannot be read: .* newer version of casty"):
        await store_in(journal).open()


async def test_a_journal_that_cannot_be_read_is_reported(journal: UnreliableJournal) -> None:
    store = await opened(journal)
    await store.append([StoreEntries("x", 0, entries(b"1"))])
    journal.unreadable = OSError("input/output error")
    with pytest.raises(OSError, match="input/output"):
        await store.read(fetch("x", 0))
    with pytest.raises(OSError, match="input/output"):
        await store.open()


async def test_what_a_machine_changes_in_its_contents_is_not_stored_yet(journal: UnreliableJournal) -> None:
    store = await opened(journal)
    await store.append([StoreEntries("x", 0, entries(b"1"))])
    contents = await store.open()
    contents.apply(StoreEntries("x", 0, entries(b"2", b"3")))
    assert await read_all(store, "x") == [Entry(E1, b"1")]


async def test_records_stay_as_they_are(journal: UnreliableJournal) -> None:
    """Each epoch is named once for all events of it."""
    await (await opened(journal)).append(
        [
            StorePromise(E1),
            StoreEntries("x", 2, (*entries(b"1", b"2"), *entries(b"3", epoch=E2))),
            StoreConfirmation(E2),
            StoreView(VIEW),
            StoreSnapshot("x", ((1, 2**64 - 1, 4), (2, 7, 5)), b"state"),
        ]
    )
    assert [event.event for event in await journal.load("replica/bank/7/a/0")] == [
        ["promise", 1, 2**64 - 1],
        ["entries", "x", 2, [[1, 2**64 - 1, [b"1", b"2"]], [2, 7, [b"3"]]]],
        ["confirmation", 2, 7],
        ["view", 2, 7, ["a", "b"], 1, [[1, 2**64 - 1], [2, 7]], [[["c", "a", "b"], 2]]],
        ["snapshot", "x", [[1, 2**64 - 1, 4], [2, 7, 5]], b"state"],
    ]


async def test_a_segment_is_loaded_once_for_all_entities_and_chunks(
    journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 4)
    monkeypatch.setattr(generation, "CHUNK", 1)
    store = await opened(journal)
    for number in range(3):
        await store.append([StoreEntries("x", number, entries(b"e")), StoreEntries("y", number, entries(b"f"))])
    loads = loads_of(journal)
    assert await read_all(store, "x") == [*entries(*3 * [b"e"])]
    assert await read_all(store, "y") == [*entries(*3 * [b"f"])]
    assert loads == ["replica/bank/7/a/0", "replica/bank/7/a/1"]


async def test_what_is_stored_after_a_segment_was_read_is_read_too(
    journal: UnreliableJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "SEGMENT", 4)
    store = await opened(journal)
    await store.append([StoreEntries("x", 0, entries(b"a", b"b")), StoreEntries("x", 2, entries(b"c"))])
    assert await read_all(store, "x") == [*entries(b"a", b"b", b"c")]
    await store.append([StoreEntries("x", 1, entries(b"other", epoch=E2)), StoreEntries("y", 0, entries(b"y"))])
    await store.append([StoreEntries("x", 2, entries(b"last", epoch=E2))])
    assert await read_all(store, "x") == [*entries(b"a"), *entries(b"other", b"last", epoch=E2)]
    assert await read_all(store, "y") == [*entries(b"y")]
