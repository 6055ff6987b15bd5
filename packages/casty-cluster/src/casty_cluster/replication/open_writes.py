"""Events of a shard's entities that are not stored by enough copies yet, and the entities that wait for that."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, final

from casty.errors import CastyError, JournalOverloadedError, ReplicationTimeoutError
from casty.extension import Settle

CAPACITY: Final = 10_000
"""Writes of one shard that may wait for copies: as many as may wait for a journal."""
CAPACITY_BYTES: Final = 64 << 20
"""Payload that may wait; a single larger write is taken when nothing else waits."""


@dataclass(frozen=True, slots=True)
class Write:
    """Events up to a number."""

    last: int
    size: int
    settle: Settle


@final
class OpenWrites:
    """Those of one shard, each settled once, after any number of reports that it is overdue."""

    def __init__(self) -> None:
        self._open: dict[str, deque[Write]] = {}
        self._drained: dict[str, list[asyncio.Future[None]]] = {}
        self._number = self._bytes = 0

    def add(self, entity: str, write: Write) -> None:
        """Raises `JournalOverloadedError` where too much waits already."""
        if self._number >= CAPACITY or (self._number and self._bytes + write.size > CAPACITY_BYTES):
            raise JournalOverloadedError(
                f"{self._number} writes with {self._bytes:,} bytes wait for the copies of their shard, which holds "
                f"{CAPACITY} with {CAPACITY_BYTES:,} bytes; send fewer commands at once, or look for a copy whose node "
                "or disk is slow"
            )
        self._open.setdefault(entity, deque()).append(write)
        self._number += 1
        self._bytes += write.size

    def committed(self, entity: str, number: int) -> None:
        """All events of the entity up to that number are stored for good."""
        taken = self._take(entity, number)
        if taken:
            taken[-1].settle(taken[-1].last, None)
        self._wake(entity)

    def overdue(self, entity: str, number: int, error: ReplicationTimeoutError) -> None:
        """Events up to that number are not stored in time; they may be later."""
        for write in [write for write in self._open.get(entity, ()) if write.last <= number]:
            write.settle(write.last, error)

    def refused(self, entity: str, after: int, error: CastyError) -> None:
        """The events behind that number are not a part of the history."""
        writes = self._open.get(entity, ())
        for write in [write for write in writes if write.last > after]:
            self._fail(entity, write, error)
        self._wake(entity)

    def fail(self, error: CastyError) -> None:
        """Which of the events are stored is not known, and will not be."""
        for entity in list(self._open):
            for write in list(self._open[entity]):
                self._fail(entity, write, error)
        for entity in list(self._drained):
            self._wake(entity)

    async def drained(self, entity: str) -> None:
        """Return when no events of the entity are open."""
        if entity in self._open:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._drained.setdefault(entity, []).append(waiter)
            await waiter

    def _take(self, entity: str, number: int) -> list[Write]:
        writes, taken = self._open.get(entity, deque[Write]()), list[Write]()
        while writes and writes[0].last <= number:
            taken.append(writes.popleft())
            self._close(entity, taken[-1])
        return taken

    def _fail(self, entity: str, write: Write, error: CastyError) -> None:
        self._open[entity].remove(write)
        self._close(entity, write)
        # Not now: the entity may be about to append.
        asyncio.get_running_loop().call_soon(write.settle, write.last, error)

    def _close(self, entity: str, write: Write) -> None:
        self._number -= 1
        self._bytes -= write.size
        if not self._open[entity]:
            del self._open[entity]

    def _wake(self, entity: str) -> None:
        if entity not in self._open:
            for waiter in self._drained.pop(entity, ()):
                if not waiter.done():
                    waiter.set_result(None)
