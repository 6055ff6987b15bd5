"""How many operations one store has at a time, whatever the number of entities: when a node takes over many thousands,
all of them read at once.

A store may limit the time of each operation, as PostgreSQL's does; waiting for a turn does not count towards it. The
idea is that of Akka's recovery permits, but for each operation, so that a long history keeps no permit.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, final

from casty.errors import JournalUnavailableError

AT_ONCE: Final = 32
"""Enough to keep several connections busy, few enough for each to have its turn soon on a slow server."""
AWAY: Final = 3
"""Operations in a row that find the store away: not only a single one that is too large for its time limit."""


@final
class Permits:
    """Used as `async with permits`; first come, first served.

    Operations inside that raise `JournalUnavailableError`, several in a row, end the waiting of all others with that
    error: a store that is away would let each of them wait for its time limit, one after the other.
    """

    __slots__ = ("_failures", "_free", "_waiting")

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._failures = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self._pass_on()  # it had its turn already, and does not use it
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, JournalUnavailableError):
            self._failures += 1
            if self._failures >= AWAY:
                self._refuse_all(error)
        elif error is None:
            self._failures = 0
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _refuse_all(self, error: JournalUnavailableError) -> None:
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            if not turn.done():
                turn.set_exception(JournalUnavailableError(*error.args))
