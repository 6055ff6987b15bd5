"""The copies of a region on one node, without the other nodes: what they report while copies come and go."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, override
from unittest.mock import Mock, patch

import pytest
from casty import ActorSystem
from casty.replication import ReplicationConfig
from casty.spi.event_journal import PersistedEvent
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.replication.region_copies import RegionCopies
from casty_cluster.wire.sharding import CopyReport, CopyState, KeepCopy

from tests.cluster.replication.journals import UnreliableJournal

SETTINGS = ReplicationConfig(replicas=1, min_acks=1)


class SlowJournal(UnreliableJournal):
    """One that reads nothing of some copies until it may, and counts what is in the index."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = ""
        """How the names of these copies begin."""
        self.goes_on = asyncio.Event()
        self.listed = 0
        """Entries that were added to the index."""

    @override
    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        if self.slow and entity_id.startswith(self.slow):
            await self.goes_on.wait()
        return await super().load(entity_id, from_sequence_nr)

    @override
    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        if entity_id.startswith("copies/"):
            self.listed += len(events)
        await super().persist(entity_id, events)


class Coordinator:
    """What it was sent."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[CopyReport] = asyncio.Queue()

    async def state(self) -> CopyState:
        """The next one that it hears of."""
        while True:
            report = await self.reports.get()
            if report.copies:
                [state] = report.copies
                return state

    async def whole(self) -> dict[int, CopyState]:
        """Those of all copies, once it has heard of them: each as it was sent last."""
        states: dict[int, CopyState] = {}
        while True:
            report = await self.reports.get()
            states |= {state.shard: state for state in report.copies}
            if report.last:
                return states


@asynccontextmanager
async def copies_in(
    journal: SlowJournal, settings: ReplicationConfig = SETTINGS
) -> AsyncGenerator[tuple[RegionCopies, Coordinator]]:
    async with ActorSystem() as system:
        copies = RegionCopies("bank", 10, journal, settings, "n1", system.kernel, Mock())
        yield copies, Coordinator()
        await copies.close()


async def hosted(copies: RegionCopies, shard: int) -> HostedCopy:
    while (copy := copies.get(shard)) is None:  # noqa: ASYNC110 - opened by a task of the region
        await asyncio.sleep(0)
    return copy


def replace(copy: HostedCopy) -> None:
    """As where other copies have found its disk to be an old one."""
    copy.is_outdated = True
    copy.stop()


async def test_requests_for_a_copy_that_come_at_once_create_one() -> None:
    journal = SlowJournal()
    async with copies_in(journal) as (copies, coordinator):
        for _ in range(3):
            copies.report(1, KeepCopy(1, 7), coordinator.reports.put_nowait)
        names = {(await coordinator.state()).copy for _ in range(3)}
    assert len(names) == 1
    assert journal.listed == 2, "that of the region and one copy"


async def test_a_copy_that_is_replaced_while_a_report_waits_for_it_is_reported_by_its_new_name() -> None:
    journal = SlowJournal()
    journal.slow = "copy/bank/7/"
    async with copies_in(journal) as (copies, coordinator):
        copies.report(1, KeepCopy(1, 7), coordinator.reports.put_nowait)
        old = await hosted(copies, 7)
        replace(old)
        journal.goes_on.set()
        new = {(await coordinator.state()).copy for _ in ("the reply to the order", "the report of the change")}
        assert new == {(await hosted(copies, 7)).name} != {old.name}


async def test_the_report_of_all_copies_has_the_new_name_of_one_that_was_replaced_meanwhile() -> None:
    journal = SlowJournal()
    async with copies_in(journal) as (copies, coordinator):
        for shard in (1, 2):
            copies.report(1, KeepCopy(1, shard), coordinator.reports.put_nowait)
            assert (await coordinator.state()).shard == shard
    journal.slow = "copy/bank/2/"
    async with copies_in(journal) as (copies, coordinator):
        copies.report(2, None, coordinator.reports.put_nowait)
        old = await hosted(copies, 1)
        await old.opened()
        for _ in range(10):  # the report has its state, and waits for the other one
            await asyncio.sleep(0)
        replace(old)
        new = await coordinator.state()
        assert (new.shard, new.copy) != (1, old.name)
        journal.goes_on.set()
        assert (await coordinator.whole())[1].copy == new.copy


async def test_a_shard_moves_without_its_other_copies_when_they_take_too_long(caplog: pytest.LogCaptureFixture) -> None:
    settings = ReplicationConfig(replicas=1, min_acks=0, ack_timeout=0.01)
    async with copies_in(SlowJournal(), settings) as (copies, coordinator):
        copies.report(1, KeepCopy(1, 3), coordinator.reports.put_nowait)
        await coordinator.state()
        copy = await hosted(copies, 3)
        with patch.object(copy, "caught_up", asyncio.Event().wait):
            await copies.caught_up(3)
    assert "shard 3 of bank moves before the other copies have all of its events" in caplog.text


async def test_a_shard_that_has_no_copy_here_waits_for_none() -> None:
    async with copies_in(SlowJournal()) as (copies, _):
        await copies.caught_up(3)
