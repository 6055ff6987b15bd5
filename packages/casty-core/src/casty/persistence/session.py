"""Opens a store for its first user and closes it after its last one; a closed store may be opened again."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from casty.errors import JournalError
from casty.persistence.failing import as_journal_error
from casty.persistence.permits import Permits
from casty.persistence.writer import JournalWriter
from casty.spi.journal import JournalStore

type OpenStore = Callable[[], AbstractAsyncContextManager[JournalStore]]


@dataclass(slots=True, eq=False)
class Session:
    """A store from its opening to its closing, with its one writer."""

    store: JournalStore
    writer: JournalWriter
    exit_stack: AsyncExitStack
    permits: Permits = field(default_factory=Permits)
    leases: int = 0


class Sessions:
    """At most one open session at a time, shared by all users on one event loop.

    `opening` and `closing` are tasks of their own, so that the cancellation of one waiter cancels no other.
    """

    __slots__ = ("_closing", "_loop", "_open_store", "_opening", "_waiting")

    def __init__(self, open_store: OpenStore) -> None:
        self._open_store = open_store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[Session] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._waiting = 0
        """How many wait for the opening."""

    async def current(self) -> Session:
        """The open session; opens one if there is none. An opening that fails raises to all its waiters."""
        self._enter_loop()
        while True:
            while self._closing is not None:
                await asyncio.wait((self._closing,))
            if self._opening is None:
                self._opening = asyncio.create_task(self._open(), name="casty-journal-open")
                self._opening.add_done_callback(self._forget_failure)
            opening = self._opening
            self._waiting += 1
            try:
                session = await asyncio.shield(opening)
            finally:
                self._waiting -= 1
            # Another waiter may have been quicker, and have given the session back by now.
            if self._opening is opening and self._closing is None:
                return session

    async def lease(self) -> Session:
        """The open session, which now stays open until `release`."""
        session = await self.current()
        session.leases += 1
        return session

    async def release(self, session: Session) -> None:
        """Give a lease back; the last one closes the session."""
        session.leases -= 1
        if session.leases == 0 and self._opening is not None and _session_of(self._opening) is session:
            await self.close()

    async def close(self) -> None:
        """Flush and close what is open, even while it is used. Nothing happens if nothing is open."""
        self._enter_loop()
        if self._opening is not None and self._closing is None:
            self._closing = asyncio.create_task(self._close(self._opening), name="casty-journal-close")
        if self._closing is not None:
            await asyncio.shield(self._closing)

    @property
    def tasks(self) -> Collection[asyncio.Task[Any]]:
        """An opening without a waiter; a closing, and what that waits for."""
        opening, closing = self._opening, self._closing
        if opening is None or (closing is None and (opening.done() or self._waiting)):
            return ()
        session = _session_of(opening)
        writes = () if session is None else session.writer.tasks
        return [task for task in (opening, *writes, closing) if task is not None and not task.done()]

    def _enter_loop(self) -> None:
        """Forget a session whose event loop has ended: nothing can be awaited there any more, not even its
        closing.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and not self._loop.is_closed() and self._opening is not None:
                raise JournalError(
                    "this journal is open on another event loop; close it there first, "
                    "or make a journal object for each loop"
                )
            self._loop, self._opening, self._closing = loop, None, None

    async def _open(self) -> Session:
        async with AsyncExitStack() as stack:
            with as_journal_error("the journal did not open"):
                store = await stack.enter_async_context(self._open_store())
            return Session(store, JournalWriter(store), stack.pop_all())

    async def _close(self, opening: asyncio.Task[Session]) -> None:
        try:
            await asyncio.wait((opening,))
            if (session := _session_of(opening)) is not None:
                try:
                    await session.writer.close()
                finally:
                    with as_journal_error("the journal did not close"):
                        await session.exit_stack.aclose()
        finally:
            self._opening = self._closing = None

    def _forget_failure(self, opening: asyncio.Task[Session]) -> None:
        if _session_of(opening) is None and self._opening is opening:
            self._opening = None


def _session_of(opening: asyncio.Task[Session]) -> Session | None:
    """What an opening has led to, if it is over and has led to anything."""
    if not opening.done() or opening.cancelled() or opening.exception() is not None:
        return None
    return opening.result()
