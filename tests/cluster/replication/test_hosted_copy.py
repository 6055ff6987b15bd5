"""One copy from life to life: what a failing disk, another primary and a stop mean to what waits for it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, override

import pytest
from casty.errors import FencedError, JournalError, ReplicationTimeoutError
from casty.testing import ManualClock, settle
from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.replication import hosted_copy
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.wire.replication import CopyId, Epoch, Prepare, Replicate, Verify

from tests.cluster.replication.hosting import Around, Outcomes, alone, hosted, opened
from tests.cluster.replication.journals import UnreliableJournal
from tests.cluster.system.waiting import until

FIRST, SECOND, THIRD = Epoch(1, 7), Epoch(2, 7), Epoch(3, 7)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_copy, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(hosted_copy, "LONGEST_PAUSE", 0.0)


@pytest.fixture
def journal() -> UnreliableJournal:
    return UnreliableJournal()


async def test_a_primary_stores_events_and_reads_them_back(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(FIRST))
        outcomes = Outcomes()
        copy.append("x", 0, (b"1", b"2"), outcomes.settle)
        assert await outcomes.seen.get() == (2, None)
        assert [entry.payload for entry in await copy.read_events("x", 0)] == [b"1", b"2"]
        assert await copy.read_events("x", 2) == ()
        assert (copy.active, copy.last("x"), copy.last("y")) == (FIRST, 2, 0)


async def test_an_epoch_that_is_not_higher_than_the_promise_is_refused_with_it(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(SECOND))
        for late in (FIRST, SECOND):
            with pytest.raises(FencedError) as refused:
                await copy.promote(alone(late))
            assert refused.value.held == 2


async def test_a_promise_to_another_primary_ends_this_one_and_fails_what_waits(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, around):
        await copy.promote(alone(FIRST))
        journal.held = asyncio.Event()
        outcomes = Outcomes()
        copy.append("x", 0, (b"1",), outcomes.settle)
        copy.receive("b", Prepare(SECOND))
        number, error = await outcomes.seen.get()
        assert (number, around.lost_at, copy.active) == (1, [(FIRST, 2)], None)
        assert isinstance(error, FencedError)
        await copy.settled("x")


async def test_a_promotion_that_another_one_overtakes_is_fenced(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, around):
        group = Promote(epoch=FIRST, copies=("a", "b"), min_acks=1, previous=None)
        waiting = asyncio.create_task(copy.promote(group))
        await until(lambda: bool(around.sent))
        copy.receive("b", Prepare(THIRD))
        with pytest.raises(FencedError) as fenced:
            await waiting
        assert (fenced.value.held, around.lost_at) == (3, []), "it has never been the primary"


async def test_a_disk_that_fails_ends_the_primary_and_the_copy_is_opened_again(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, around):
        await copy.promote(alone(FIRST))
        journal.before = journal.unreadable = OSError("no space left on device")
        outcomes = Outcomes()
        copy.append("x", 0, (b"1",), outcomes.settle)
        number, error = await outcomes.seen.get()
        assert (number, around.lost_at) == (1, [(FIRST, None)])
        assert isinstance(error, FencedError)
        await until(lambda: copy.promised != FIRST)
        with pytest.raises(JournalError, match="not open"):
            copy.append("x", 0, (b"1",), outcomes.settle)
        with pytest.raises(JournalError, match="not open"):
            await copy.read_events("x", 0)
        journal.heal()
        await copy.opened()
        assert copy.promised == FIRST
        await copy.promote(alone(SECOND))
        copy.append("x", 0, (b"2",), outcomes.settle)
        assert await outcomes.seen.get() == (1, None)


async def test_a_read_under_way_when_the_disk_fails_ends(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(FIRST))
        journal.held, journal.before = asyncio.Event(), OSError("gone")
        copy.append("x", 0, (b"1",), Outcomes().settle)
        reading = asyncio.create_task(copy.read_events("x", 0))
        await asyncio.sleep(0)
        journal.held.set()
        with pytest.raises(JournalError, match="not open"):
            await reading


async def test_what_waits_is_abandoned_when_the_shard_stops(journal: UnreliableJournal) -> None:
    async with hosted(journal) as (copy, _):
        await copy.promote(alone(FIRST))
        journal.held = asyncio.Event()
        outcomes = Outcomes()
        copy.append("x", 0, (b"1",), outcomes.settle)
        copy.abandon("its shard stops")
        number, error = await outcomes.seen.get()
        assert (number, str(error)) == (1, "whether its events are stored is unknown: its shard stops")
        journal.held.set()
        await copy.settled("x")


class Connected(Around):
    """Sends to the other copies of the group; what `drops` says is lost."""

    def __init__(self, name: str, group: dict[str, HostedCopy]) -> None:
        super().__init__()
        self.drops: tuple[type, ...] = ()
        self._name = name
        self._group = group

    @override
    def send(self, sender: CopyId, to: CopyId, message: Any) -> None:
        if not isinstance(message, self.drops):
            super().send(sender, to, message)
            asyncio.get_running_loop().call_soon(self._group[to].receive, self._name, message)


@asynccontextmanager
async def pair(min_acks: int = 1) -> AsyncGenerator[tuple[HostedCopy, Connected, ManualClock]]:
    """The primary of a group of two at the first epoch."""
    group, clock = dict[str, HostedCopy](), ManualClock()
    around = {name: Connected(name, group) for name in ("a", "b")}
    async with (
        opened(UnreliableJournal(), "a", around["a"], clock) as a,
        opened(UnreliableJournal(), "b", around["b"], clock) as b,
    ):
        group.update(a=a, b=b)
        await a.promote(Promote(epoch=FIRST, copies=("a", "b"), min_acks=min_acks, previous=None))
        yield a, around["a"], clock


async def test_a_read_is_confirmed_by_another_copy() -> None:
    async with pair() as (copy, around, _):
        asked = len(around.sent)
        await copy.confirm("x")
        assert [type(message) for _, message in around.sent[asked:]] == [Verify]


async def test_a_read_that_no_other_copy_confirms_is_late_and_the_next_one_may_not_be() -> None:
    async with pair() as (copy, around, clock):
        around.drops = (Verify,)
        reading = asyncio.create_task(copy.confirm("x"))
        await asyncio.sleep(0)
        await clock.advance(1.0)
        with pytest.raises(
            ReplicationTimeoutError, match=r"a read of shard 7 of bank is not confirmed: too few copies"
        ):
            await reading
        around.drops = ()
        await copy.confirm("x")
        assert copy.active == FIRST


async def test_a_shard_that_moves_waits_for_the_other_copies_or_for_the_end_of_its_primary() -> None:
    async with pair(min_acks=0) as (copy, around, clock):
        await asyncio.wait_for(copy.caught_up(), 5.0)
        outcomes, around.drops = Outcomes(), (Replicate,)
        copy.append("x", 0, (b"1",), outcomes.settle)
        assert await outcomes.seen.get() == (1, None)
        waiting = [asyncio.create_task(copy.caught_up()) for _ in range(3)]
        await settle()
        waiting[0].cancel()
        await settle()
        assert not any(waiter.done() for waiter in waiting[1:])
        around.drops = ()
        await clock.advance(1.0)
        await asyncio.wait_for(asyncio.gather(*waiting[1:]), 5.0)
        around.drops = (Replicate,)
        copy.append("x", 1, (b"2",), outcomes.settle)
        late = asyncio.create_task(copy.caught_up())
        await settle()
        assert not late.done()
        copy.receive("b", Prepare(SECOND))
        await asyncio.wait_for(late, 5.0)
        assert copy.active is None
        await asyncio.wait_for(copy.caught_up(), 5.0)


async def test_reads_end_with_the_primary_with_the_shard_and_with_the_disk() -> None:
    async with pair() as (copy, around, _):
        around.drops = (Verify,)
        reading = asyncio.create_task(copy.confirm("x"))
        await asyncio.sleep(0)
        copy.abandon("its shard stops")
        with pytest.raises(JournalError, match=r"^whether what it holds is current is unknown: its shard stops$"):
            await reading
        reading = asyncio.create_task(copy.confirm("x"))
        await asyncio.sleep(0)
        copy.receive("b", Prepare(SECOND))
        with pytest.raises(JournalError, match="promised a higher epoch"):
            await reading
        with pytest.raises(JournalError, match="not the primary"):
            await copy.confirm("x")


async def test_a_read_under_way_when_the_disk_fails_is_not_confirmed() -> None:
    async with pair() as (copy, around, _):
        around.drops = (Verify,)
        reading = asyncio.create_task(copy.confirm("x"))
        await asyncio.sleep(0)
        copy.stop()
        with pytest.raises(FencedError, match="not open any more"):
            await reading
        with pytest.raises(JournalError, match="not open"):
            await copy.confirm("x")
