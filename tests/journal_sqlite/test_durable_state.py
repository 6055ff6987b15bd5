"""Durable states in a file: processes that are killed at any moment, also between a state and a deletion."""

from pathlib import Path
from random import Random

import pytest
from casty.persistence import durable_state
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import open_store

from tests.core.persistence.counter import KEPT, Count, Look, acknowledged, counting, started


@pytest.mark.parametrize("when", ["before", "after", "never"])
async def test_no_acknowledged_state_is_lost_by_a_kill(
    tmp_path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_state, "KEPT", KEPT)
    path, random, last = tmp_path / "events.db", Random(when), 0
    url = f"sqlite:///{path}"
    for _ in range(3):
        said = acknowledged(started(url, {}, when), last + random.randrange(60, 200) if when == "never" else -1)
        assert said > last
        async with counting(url, {}) as (system, ref):
            last = await system.ask(ref, Look)
            assert last in (said, said + 1)
            for _ in range(KEPT):  # of which one begins a deletion
                last = await system.ask(ref, Count)
        async with open_store(str(path), SqliteOptions()) as store:
            numbers = [record.sequence_nr for record in await store.replay("counter", 1, 2**62, 10**6)]
            assert numbers == [*range(numbers[0], last + 1)]
            assert len(numbers) <= 3 * KEPT, "what a killed process has left is deleted by the next one"


async def test_a_state_is_there_when_its_file_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/events.db"
    for number in range(1, 4):
        async with counting(url, {}) as (system, ref):
            assert await system.ask(ref, Count) == number
