"""A journal whose files are taken away while it is open acknowledges nothing more, and says what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from casty import ActorSystem, JournalError, JournalUnavailableError
from casty.errors import OffsetStoreError
from casty.journal import SqliteJournal, SqliteOffsets
from casty.testing import ManualClock
from casty_journal_sqlite import SqliteOptions
from casty_journal_sqlite.store import open_store

from tests.core.persistence.fakes import event
from tests.core.persistence.ledger import adding, ledger


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def replace(path: Path) -> None:
    copy = beside(path, ".copy")
    shutil.copy(path, copy)
    copy.rename(path)


def rename(path: Path) -> None:
    path.rename(beside(path, ".old"))


def put_back(path: Path) -> None:
    beside(path, ".old").rename(path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def move_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))


TAKING: list[tuple[Callable[[Path], object], str]] = [
    (Path.unlink, r"events\.db was taken away"),
    (rename, r"events\.db was taken away"),
    (replace, r"events\.db was replaced"),
    (empty, r"events\.db was truncated to 0 bytes"),
    (move_directory, r"events\.db was taken away"),
    (lambda path: beside(path, "-wal").unlink(), r"events\.db-wal was taken away"),
    (lambda path: beside(path, "-shm").unlink(), r"events\.db-shm was taken away"),
    (lambda path: replace(beside(path, "-wal")), r"events\.db-wal was replaced"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal" / "events.db"


@pytest.mark.parametrize(("take", "complaint"), TAKING)
@pytest.mark.parametrize("is_new", [True, False])
async def test_a_file_that_is_taken_away_is_noticed_before_the_next_acknowledgement(
    path: Path, take: Callable[[Path], object], complaint: str, is_new: bool
) -> None:
    if not is_new:
        async with open_store(str(path), SqliteOptions()) as store:
            await store.append([[event("b", 1)]])
    async with open_store(str(path), SqliteOptions()) as store:
        assert await store.append([[event("a", 1)]]) == [None]
        take(path)
        with pytest.raises(JournalUnavailableError, match=rf"{complaint}.*stop this process, put the files back"):
            await store.append([[event("a", 2)]])
        for attempt in (
            store.replay("a", 1, 9, 9),
            store.claim("k", "w"),
            store.delete_events("a", 1),
            store.highest_offset(),
        ):
            # SQLite itself may notice that a file is empty, and say that it is damaged.
            with pytest.raises(JournalError):
                await attempt


async def test_a_file_that_is_put_back_is_written_to_again(path: Path) -> None:
    async with open_store(str(path), SqliteOptions()) as store:
        await store.append([[event("a", 1)]])
        rename(path)
        with pytest.raises(JournalUnavailableError):
            await store.append([[event("a", 2)]])
        put_back(path)
        assert await store.append([[event("a", 2)]]) == [None]
    async with open_store(str(path), SqliteOptions()) as store:
        assert await store.highest_sequence_nr("a") == 2


async def test_an_ask_of_an_actor_whose_file_is_gone_fails_with_the_reason(
    actor_system: ActorSystem, manual_time: ManualClock, path: Path
) -> None:
    ref = actor_system.spawn(ledger(SqliteJournal(path)))
    assert await actor_system.ask(ref, adding("a")) == "a"
    Path.unlink(path)
    with pytest.raises(JournalUnavailableError, match="was taken away while it was open"):
        await actor_system.ask(ref, adding("b"))


async def test_offsets_whose_file_is_gone_are_an_error_and_no_commit(tmp_path: Path) -> None:
    target = tmp_path / "rows.db"
    async with SqliteOffsets(target).open() as offsets:
        target.unlink()
        with pytest.raises(OffsetStoreError, match=r"rows\.db was taken away"):
            async with offsets.transaction("p") as transaction:
                await transaction.advance(1)
