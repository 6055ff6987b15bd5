"""Carries out what a replica asks of its disk, in order, and reports the outcomes to it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Final, cast, final

from casty.interruption import described, interrupts

from casty_cluster.protocol.replication.effects import Load, Store
from casty_cluster.protocol.replication.inputs import Loaded, Stored, StoreFailed
from casty_cluster.replication.copy_store import CopyStore

logger = logging.getLogger("casty.cluster")

TOGETHER: Final = 500
"""Changes that are stored in one commit at most."""


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
        self._asked: deque[Store | Load] = deque()
        self._wanted = asyncio.Event()
        self._stopped = False

    def ask(self, effect: Store | Load) -> None:
        self._asked.append(effect)
        self._wanted.set()

    def stop(self) -> None:
        """Begin nothing more. A cancellation alone may be swallowed by the journal."""
        self._stopped = True
        self._wanted.set()

    async def run(self) -> None:
        """Work until a change cannot be stored, or `stop`. What is under way then may be stored or not."""
        while not self._stopped:
            await self._wanted.wait()
            self._wanted.clear()
            while self._asked and not self._stopped:
                match self._asked[0]:
                    case Store():
                        if not await self._store_next():
                            return
                    case Load() as load:
                        self._asked.popleft()
                        await self._read(load)

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
        self._report(Stored(stores[-1].number))
        return True

    async def _read(self, load: Load) -> None:
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
