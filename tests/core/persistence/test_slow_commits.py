"""Where commits take long, several appends at a time would store fewer events: the pace notices."""

import asyncio
from collections.abc import Sequence
from typing import override

import pytest
from casty.persistence import writer as writers
from casty.persistence.writer import JournalWriter
from casty.spi.journal import AppendGroup, AppendOutcome

from tests.core.persistence.fakes import TwoAppendsStore, TwoLanes, event


class SlowDisk(TwoAppendsStore):
    """Makes one commit after the other, each of 10 ms of a time of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._commit = asyncio.Lock()

    @override
    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        async with self._commit:
            for _ in range(5):
                await asyncio.sleep(0)  # meanwhile the loop does all that it can
            self.now += 0.01
        return await super().append(groups)


async def time_of(events: int, disk: SlowDisk) -> float:
    """How long a hundred producers take that each wait for one event after the other."""
    writer = JournalWriter(disk)

    async def produce(entity_id: str) -> None:
        for number in range(1, events // 100 + 1):
            stored: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
            writer.submit([event(entity_id, number)], stored.set_result)
            assert await stored is None

    await asyncio.gather(*(produce(f"e{number}") for number in range(100)))
    return disk.now


async def test_a_slow_disk_commits_no_more_often_than_with_one_append_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SlowDisk()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: disk.now)
    assert await time_of(100_000, disk) < 1.1 * 1_000 * 0.01


async def test_without_the_pace_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SlowDisk()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: disk.now)
    monkeypatch.setattr(writers, "Pace", TwoLanes)
    assert await time_of(10_000, disk) > 1.8 * 100 * 0.01
