"""The floor of a journal: rows like a journal's own, committed by the driver without any actor.

One task commits: rows that arrive during a commit are the next batch.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from secrets import token_bytes
from typing import Any, Final, Protocol

from casty.journal import StoreJournal

type Row = tuple[str, int, int, str, bytes, str, int, bytes, float, None]
type Commit = Callable[[Sequence[Row]], Awaitable[object]]
"""Stores rows in one transaction."""
type Decode = Callable[[str, int, bytes], object]

BATCH: Final = 1_000
PAYLOAD: Final = b"\xa5" * 100


class Place(Protocol):
    """A database with named journals, and the operations of its driver alone."""

    def journal(self, name: str) -> StoreJournal:
        """The journal with that name, created when it is opened."""
        ...

    async def drop(self, name: str) -> None: ...

    async def raw_group_commit(self, name: str, events: int, producers: int) -> float:
        """Events per second of producers that each wait for their event's commit."""
        ...

    async def raw_recovery[S](
        self, name: str, entity_id: str, decode: Decode, fold: Callable[[S, Any], S], state: S
    ) -> float:
        """Events per second of fetching all events of an entity at once, decoding and folding them."""
        ...


def row(entity: int, sequence_nr: int) -> Row:
    """An event of 100 bytes, as a journal stores it."""
    return (
        f"account-{entity:06d}",
        sequence_nr,
        0,
        "5f0c2a1b9d3e4f68",
        token_bytes(16),
        "bank.Deposited",
        1,
        PAYLOAD,
        time.time(),
        None,
    )


async def group_commit(commit: Commit, events: int, producers: int) -> float:
    """Events per second of `producers` tasks that each wait for one event after the other."""
    queue: list[tuple[Row, asyncio.Future[None]]] = []
    wake = asyncio.Event()

    async def commit_all() -> None:
        while True:
            await wake.wait()
            wake.clear()
            while queue:
                some = queue[:BATCH]
                del queue[:BATCH]
                await commit([entry[0] for entry in some])
                for _, stored in some:
                    stored.set_result(None)

    async def produce(entity: int) -> None:
        for sequence_nr in range(1, events // producers + 1):
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append((row(entity, sequence_nr), stored))
            wake.set()
            await stored

    committing = asyncio.create_task(commit_all())
    start = time.perf_counter()
    await asyncio.gather(*(produce(entity) for entity in range(producers)))
    seconds = time.perf_counter() - start
    committing.cancel()
    return events / seconds
