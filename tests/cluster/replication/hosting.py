"""One copy on an event loop, without the others and without a node: what it sends, and what becomes of its events."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, override

from casty.spi.event_journal import EventJournal
from casty.testing import ManualClock
from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.hosted_copy import HostedCopy, Surroundings
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.replication import CopyId, Epoch

NAME = "copy/bank/7/a"


class Around(Surroundings):
    """What the copy tells its node."""

    def __init__(self) -> None:
        self.sent: list[tuple[CopyId, Any]] = []
        self.lost_at: list[tuple[Epoch, int | None]] = []

    @override
    def send(self, sender: CopyId, to: CopyId, message: Any) -> None:
        self.sent.append((to, message))

    @override
    def unavailable(self, reason: str) -> None: ...

    @override
    def lost(self, epoch: Epoch, held: int | None) -> None:
        self.lost_at.append((epoch, held))


@asynccontextmanager
async def hosted(journal: EventJournal) -> AsyncGenerator[tuple[HostedCopy, Around]]:
    """The copy `a` in the journal, open."""
    around = Around()
    async with opened(journal, "a", around, ManualClock()) as copy:
        yield copy, around


@asynccontextmanager
async def opened(
    journal: EventJournal, name: CopyId, around: Surroundings, clock: ManualClock
) -> AsyncGenerator[HostedCopy]:
    store = CopyStore(journal, f"copy/bank/7/{name}", lambda: 0.0, SegmentCache())
    copy = HostedCopy(name, "shard 7 of bank", store, clock, around, ack_timeout=1.0)
    task = asyncio.create_task(copy.run())
    await copy.opened()
    yield copy
    copy.stop()
    task.cancel()
    await asyncio.wait([task])


def alone(epoch: Epoch) -> Promote:
    """A group of one: what is stored here is committed."""
    return Promote(epoch=epoch, copies=("a",), min_acks=0, previous=None)


class Outcomes:
    """What `settle` was called with."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[tuple[int, Exception | None]] = asyncio.Queue()

    @property
    def settle(self) -> Callable[[int, Exception | None], None]:
        return lambda number, error: self.seen.put_nowait((number, error))
