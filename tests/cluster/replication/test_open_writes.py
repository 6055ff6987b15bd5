"""Events that wait for copies: each write is settled once, whatever is reported of it, and few enough may wait."""

import asyncio
from unittest.mock import patch

import pytest
from casty.errors import FencedError, JournalOverloadedError, ReplicationTimeoutError
from casty_cluster.replication import open_writes
from casty_cluster.replication.open_writes import OpenWrites, Write

LATE = ReplicationTimeoutError("late")
FENCED = FencedError("another primary")


class Entity:
    """Collects its settlements."""

    def __init__(self, writes: OpenWrites, name: str) -> None:
        self.name = name
        self.settled: list[tuple[int, Exception | None]] = []
        self._writes = writes

    def add(self, *numbers: int, size: int = 1) -> None:
        for number in numbers:
            self._writes.add(self.name, Write(number, size, self._settle))

    def _settle(self, number: int, error: Exception | None) -> None:
        self.settled.append((number, error))


@pytest.fixture
def writes() -> OpenWrites:
    return OpenWrites()


async def test_a_commit_settles_all_up_to_its_number_once(writes: OpenWrites) -> None:
    x, y = Entity(writes, "x"), Entity(writes, "y")
    x.add(1, 2, 5)
    y.add(9)
    writes.committed("x", 2)
    writes.committed("x", 2)
    writes.committed("z", 7)
    assert (x.settled, y.settled) == ([(2, None)], [])
    writes.committed("x", 5)
    assert x.settled == [(2, None), (5, None)]


async def test_what_is_overdue_stays_open(writes: OpenWrites) -> None:
    x = Entity(writes, "x")
    x.add(1, 2)
    writes.overdue("x", 1, LATE)
    writes.overdue("y", 1, LATE)
    assert x.settled == [(1, LATE)]
    writes.committed("x", 2)
    assert x.settled == [(1, LATE), (2, None)]


async def test_a_refusal_fails_what_is_behind_it_later_and_a_failure_all(writes: OpenWrites) -> None:
    x, y = Entity(writes, "x"), Entity(writes, "y")
    x.add(1, 2, 3)
    y.add(1)
    writes.refused("x", 1, FENCED)
    assert x.settled == [], "the entity may be about to append"
    await asyncio.sleep(0)
    assert x.settled == [(2, FENCED), (3, FENCED)]
    writes.fail(FENCED)
    await asyncio.sleep(0)
    assert (x.settled[2:], y.settled) == ([(1, FENCED)], [(1, FENCED)])
    writes.committed("x", 3)
    assert len(x.settled) == 3


@pytest.mark.parametrize("end", ["committed", "failed"])
async def test_an_entity_waits_until_none_of_its_events_is_open(writes: OpenWrites, end: str) -> None:
    Entity(writes, "x").add(1, 2)
    await writes.drained("y")
    waiting = asyncio.create_task(writes.drained("x"))
    cancelled = asyncio.create_task(writes.drained("x"))
    await asyncio.sleep(0)
    writes.committed("x", 1)
    await asyncio.sleep(0)
    assert not waiting.done()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    if end == "committed":
        writes.committed("x", 2)
    else:
        writes.fail(FENCED)
    await waiting


async def test_so_many_writes_and_bytes_may_wait(writes: OpenWrites) -> None:
    x = Entity(writes, "x")
    x.add(1, size=open_writes.CAPACITY_BYTES + 1)
    with pytest.raises(JournalOverloadedError, match=r"1 writes with 67,108,865 bytes wait.*slow"):
        x.add(2)
    writes.committed("x", 1)
    with patch.object(open_writes, "CAPACITY", 2):
        x.add(2, 3)
        with pytest.raises(JournalOverloadedError):
            x.add(4)
        writes.committed("x", 2)
        x.add(4)
