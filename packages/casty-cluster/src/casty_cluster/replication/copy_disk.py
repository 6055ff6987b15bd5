"""Carries out what a replica asks of its disk, in order, and reports the outcomes to it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, cast, final

from casty.errors import JournalError
from casty.interruption import described, interrupts

from casty_cluster.protocol.replication.effects import Load, Store
from casty_cluster.protocol.replication.inputs import Loaded, Stored, StoreFailed
from casty_cluster.replication.copy_store import CopyStore
from casty_cluster.wire.replication import Fetch, Fetched, FetchedSnapshot

logger = logging.getLogger("casty.cluster")

TOGETHER: Final = 500
"""Changes that are stored in one commit at most."""
ENDED: Final = "the copy is not open: it is being opened again after a failure of its disk, or has been stopped"


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What this node itself wants to have of an entity."""

    fetch: Fetch
    read: Callable[[Fetch], Awaitable[Fetched | FetchedSnapshot]]
    outcome: asyncio.Future[Any]


@final
class CopyDisk:
    """The disk of one life of a copy: it ends when a change cannot be stored, or the copy is stopped.

    While changes are being stored, others come in: they are stored together afterwards, so a slow disk makes few large
    commits. The copy bounds what is asked for: a primary sends it no more than a window.
    """

    def __init__(self, store: CopyStore, report: Callable[[Stored | StoreFailed | Loaded], None]) -> None:
        """`store` has been opened."""
        self._store = store
        self._report = report
        self._asked: deque[Store | Load | _Read] = deque()
        self._wanted = asyncio.Event()
        self._last = 0
        """The number of the last change that is stored."""
        self._stopped = False

    def ask(self, effect: Store | Load) -> None:
        self._asked.append(effect)
        self._wanted.set()

    async def read(self, fetch: Fetch) -> Fetched | FetchedSnapshot:
        """Read behind all changes asked for so far. Raises what the journal raises, and `JournalError` once the disk
        has ended.
        """
        return await self._outcome(fetch, self._store.read)

    async def read_events(self, fetch: Fetch) -> Fetched:
        """As `read`, but for events that a snapshot has replaced too: as long as they are there."""
        return await self._outcome(fetch, self._store.read_events)

    async def _outcome(self, fetch: Fetch, read: Callable[[Fetch], Awaitable[Fetched | FetchedSnapshot]]) -> Any:
        if self._stopped:
            raise JournalError(ENDED)
        asked = _Read(fetch, read, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._wanted.set()
        return await asked.outcome

    def stop(self) -> None:
        """Begin nothing more. A cancellation alone may be swallowed by the journal."""
        self._stopped = True
        self._wanted.set()

    async def run(self) -> None:
        """Work until a change cannot be stored, or `stop`. What is under way then may be stored or not."""
        try:
            await self._work()
        finally:
            self._stopped = True
            for asked in self._asked:
                if isinstance(asked, _Read) and not asked.outcome.done():
                    asked.outcome.set_exception(JournalError(ENDED))

    async def _work(self) -> None:
        while not self._stopped:
            if not self._asked and not self._store.is_untidy:
                await self._wanted.wait()
            self._wanted.clear()
            if self._asked and not self._stopped and not await self._do_next():
                return
            if self._store.is_untidy and not self._stopped and not await self._tidy():
                return

    async def _do_next(self) -> bool:
        """Do what is asked for first. Returns whether the disk still works."""
        match self._asked[0]:
            case Store():
                return await self._store_next()
            case Load() as load:
                self._asked.popleft()
                await self._load(load)
            case _Read() as read:
                await self._read(read)
                self._asked.popleft()
        return True

    async def _tidy(self) -> bool:
        """Remove a part of what is superseded. Returns whether it is known what the disk has."""
        try:
            await self._store.tidy()
        except BaseException as error:
            if interrupts(error):
                raise
            self._report(StoreFailed(self._last, described(error)))
            return False
        await asyncio.sleep(0)  # a journal in memory suspends nowhere
        return True

    async def _store_next(self) -> bool:
        """Store the changes that are asked for one behind the other. Returns whether that worked."""
        stores = [*takewhile(lambda asked: isinstance(asked, Store), self._asked)][:TOGETHER]
        stores = cast("list[Store]", stores)
        try:
            await self._store.append([store.change for store in stores])
        except BaseException as error:
            if interrupts(error):
                raise
            self._report(StoreFailed(stores[0].number, described(error)))
            return False
        for _ in stores:
            self._asked.popleft()
        self._last = stores[-1].number
        self._report(Stored(self._last))
        return True

    async def _read(self, asked: _Read) -> None:
        fetch, outcome = asked.fetch, asked.outcome
        try:
            fetched = await asked.read(fetch)
        except BaseException as error:
            if interrupts(error):
                raise
            if not outcome.done():
                failed = JournalError(f"events of {fetch.entity!r} cannot be read: {described(error)}")
                failed.__cause__ = error
                outcome.set_exception(error if isinstance(error, JournalError) else failed)
        else:
            if not outcome.done():  # else the entity that wanted them has stopped
                outcome.set_result(fetched)

    async def _load(self, load: Load) -> None:
        try:
            fetched = await self._store.read(load.fetch)
        except BaseException as error:
            if interrupts(error):
                raise
            logger.warning(
                "events of %r behind number %d cannot be read for copy %s, which will ask again: %s",
                load.fetch.entity,
                load.fetch.after,
                load.to,
                described(error),
            )
        else:
            self._report(Loaded(load.to, fetched))
