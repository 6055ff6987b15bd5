"""A shard on real journals: its events survive a node and its disk, and disks that fail."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from casty import InMemoryJournal, SqliteJournal
from casty_cluster.protocol.replication.effects import Ended, Reload
from casty_cluster.protocol.replication.follower import RESEND
from casty_cluster.replication import generation

from tests.cluster.replication.copies import copies
from tests.cluster.replication.journals import UnreliableJournal


async def test_copies_in_one_journal_take_over_from_each_other() -> None:
    async with InMemoryJournal() as journal, copies(a=journal, b=journal, c=journal) as group:
        await group.promote("a", "b", "c")
        await group.append("a", b"1", b"2")
        await group.append("a", b"3")
        await group.copies["a"].kill()
        await group.promote("b", "c", "a")
        assert await group.copies["b"].events() == [b"1", b"2", b"3"]
        await group.append("b", b"4")
        await group.copies["a"].start()
        await group.promote("a", "b", "c")
        assert await group.copies["a"].events() == [b"1", b"2", b"3", b"4"]


async def test_a_node_dies_with_its_disk_and_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1, with a SQLite file for each node; the new copy is caught up in many chunks."""
    monkeypatch.setattr(generation, "CHUNK", 20)
    async with AsyncExitStack() as files:
        journals = [await files.enter_async_context(SqliteJournal(tmp_path / f"{name}.db")) for name in "abcd"]
        async with copies(**dict(zip("abc", journals, strict=False))) as group:
            await group.promote("a", "b", "c")
            events = [f"event {number}".encode() for number in range(30)]
            for event in events:
                await group.append("a", event)
            await group.copies.pop("a").kill()
            await group.add("d", journals[3])
            await group.promote("b", "c", "d")
            await group.append("b", b"last")
            await group.copies.pop("c").kill()
            await group.promote("d", "b", "e")
            assert await group.copies["d"].events() == [*events, b"last"]


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_disk_that_fails_ends_its_primary_and_another_copy_goes_on(fault: str) -> None:
    """The event was not acknowledged: it may be there afterwards or not, and all copies agree."""
    journals = {name: UnreliableJournal() for name in "abc"}
    async with copies(**journals) as group:
        await group.promote("a", "b", "c")
        await group.append("a", b"1")
        setattr(journals["a"], fault, OSError("no space left on device"))
        appending = asyncio.create_task(group.append("a", b"2"))
        outcomes = group.copies["a"].outcomes
        found = [await outcomes.get() for _ in range(2)]
        assert [type(outcome) for outcome in found] == [Ended, Reload]
        appending.cancel()
        await asyncio.wait([appending])
        journals["a"].heal()
        await group.copies["a"].kill()
        await group.copies["a"].start()
        await group.promote("b", "a", "c")
        await group.append("b", b"3")
        histories = [await group.copies[name].events() for name in "ab"]
        assert histories[1] in ([b"1", b"3"], [b"1", b"2", b"3"])
        assert histories[0] == histories[1]


async def test_a_slow_disk_of_one_copy_holds_up_no_write() -> None:
    journals = {name: UnreliableJournal() for name in "abc"}
    async with copies(**journals) as group:
        await group.promote("a", "b", "c")
        held = journals["c"].held = asyncio.Event()
        for number in range(5):
            await group.append("a", b"%d" % number)
        journals["c"].heal()
        held.set()
        await group.copies["b"].kill()
        await group.append("a", b"last")
        assert (await group.copies["c"].events())[-1] == b"last"


async def test_a_copy_that_was_away_is_caught_up_when_it_is_back() -> None:
    journals = {name: UnreliableJournal() for name in "abc"}
    async with copies(**journals) as group:
        await group.promote("a", "b", "c")
        await group.copies["c"].kill()
        for number in range(10):
            await group.append("a", b"%d" % number)
        await group.copies["c"].start()
        await group.copies["b"].kill()
        appending = asyncio.create_task(group.append("a", b"last"))
        while not appending.done():
            await group.clock.advance(RESEND)
            await asyncio.sleep(0)
        assert await group.copies["c"].events() == [*(b"%d" % number for number in range(10)), b"last"]
