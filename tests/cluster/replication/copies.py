"""Copies of one shard on real event loops and journals, whose messages go from one to the other at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from casty.spi.event_journal import EventJournal
from casty.testing import ManualClock
from casty_cluster.node.driver import Driver
from casty_cluster.protocol.replication.effects import (
    Activated,
    CaughtUp,
    Committed,
    Ended,
    Load,
    Outdated,
    Overdue,
    Readable,
    Refused,
    Reload,
    Send,
    Store,
    Unavailable,
    Unreadable,
)
from casty_cluster.protocol.replication.inputs import Append, Promote, Received
from casty_cluster.protocol.replication.member import Effect, Input, Member
from casty_cluster.replication.copy_disk import CopyDisk
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.replication.segments import SegmentCache
from casty_cluster.wire.replication import Epoch, Fetch, Fetched


class Copy:
    """One copy, from life to life."""

    def __init__(self, group: "Copies", name: str, journal: EventJournal) -> None:
        self.name = name
        self.store = CopyStore(journal, f"replica/bank/7/{name}", lambda: 0.0, SegmentCache())
        self.outcomes: asyncio.Queue[Activated | Committed | Ended | Reload | Refused] = asyncio.Queue()
        self._group = group
        self._driver: Driver[Input, Effect] | None = None
        self._disk: CopyDisk | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.member = Member(self.name, await self.store.open(), next(self._group.tokens))
        driver = self._driver = Driver[Input, Effect](self.member, self._group.clock, self._carry_out)
        self._disk = CopyDisk(self.store, driver.handle)
        self._task = asyncio.create_task(self._disk.run())

    async def kill(self) -> None:
        """What the disk is doing may be done or not."""
        if self._driver is not None and self._disk is not None and self._task is not None:
            self._driver.stop()
            self._disk.stop()
            self._task.cancel()
            await asyncio.wait([self._task])
            self._driver = None

    def give(self, given: Input) -> None:
        if self._driver is not None:
            self._driver.handle(given)

    async def events(self, entity: str = "x") -> list[bytes]:
        """What is stored, for whichever life asks."""
        await self.store.open()
        found: list[bytes] = []
        while True:
            fetched = await self.store.read(Fetch(Epoch(0, 0), entity, len(found)))
            assert isinstance(fetched, Fetched)
            if not fetched.entries:
                return found
            found += [entry.payload for entry in fetched.entries]

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(to, message):
                self._group.send(self.name, to, message)
            case Store() | Load():
                assert self._disk is not None
                self._disk.ask(effect)
            case Activated() | Committed() | Ended() | Reload() | Refused():
                self.outcomes.put_nowait(effect)
            case Overdue() | Unavailable() | Readable() | Unreadable() | Outdated() | CaughtUp():
                pass


class Copies:
    """A group of copies; what is sent to a copy that does not run is lost."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.copies: dict[str, Copy] = {}
        self.tokens = count(1)
        self._counter = 0

    async def add(self, name: str, journal: EventJournal) -> Copy:
        copy = self.copies[name] = Copy(self, name, journal)
        await copy.start()
        return copy

    def send(self, sender: str, to: str, message: Any) -> None:
        if to in self.copies:
            asyncio.get_running_loop().call_soon(self.copies[to].give, Received(sender, message))

    async def promote(self, name: str, *others: str) -> None:
        """Make it the primary, and wait until it acts."""
        self._counter += 1
        views = [copy.member.view for copy in self.copies.values() if copy.member.view is not None]
        previous = max(views, key=lambda view: view.epoch, default=None)
        epoch = Epoch(self._counter, 7)
        self.copies[name].give(Promote(epoch=epoch, copies=(name, *others), min_acks=1, previous=previous))
        while not isinstance(await self.copies[name].outcomes.get(), Activated):
            pass

    async def append(self, name: str, *payloads: bytes) -> None:
        """Add events to x, and wait until they are committed."""
        copy = self.copies[name]
        history = copy.member.contents.histories.get("x")
        last = history.last if history else 0
        copy.give(Append("x", last, payloads))
        while await copy.outcomes.get() != Committed("x", last + len(payloads)):
            pass


@asynccontextmanager
async def copies(**journals: EventJournal) -> AsyncGenerator[Copies]:
    """Copies with these names, each in its journal."""
    group = Copies()
    for name, journal in journals.items():
        await group.add(name, journal)
    yield group
    for copy in group.copies.values():
        await copy.kill()
