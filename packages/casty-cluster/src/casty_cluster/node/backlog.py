"""Jobs of many short steps, done in order, some steps in each turn of the event loop.

A node may have a thousand regions, or hear a thousand things in one message: done in one go, that would keep heartbeats
and users' messages waiting.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextvars import copy_context
from typing import Final, final

STEPS: Final = 64
"""Steps in one turn; a step takes some tens of microseconds."""

_OVER: Final = object()


@final
class Backlog:
    """The jobs of one part of a node. As long as a turn has steps left, a job starts at once."""

    def __init__(self) -> None:
        self._jobs: deque[Iterator[None]] = deque()
        self._left = STEPS
        """Steps of this turn that have not been used."""
        self._is_working = self._is_armed = False
        self._context = copy_context()
        """That of the node's start: what a later turn does is no concern of the actor that happened to cause it."""

    def add(self, job: Iterator[None]) -> None:
        """Do the job behind all others; each item of the iterator is a step. The steps must not raise."""
        self._jobs.append(job)
        if not self._is_working:
            self._work()

    def clear(self) -> None:
        """Forget the jobs, and what is left of the one at work."""
        self._jobs = deque()

    def _turn(self) -> None:
        self._is_armed, self._left = False, STEPS
        self._work()

    def _work(self) -> None:
        self._is_working = True
        try:
            while self._jobs and self._left:
                jobs = self._jobs
                job = jobs.popleft()
                if next(job, _OVER) is not _OVER:
                    self._left -= 1
                    jobs.appendleft(job)
        finally:
            self._is_working = False
            if not self._is_armed and (self._jobs or self._left < STEPS):
                self._is_armed = True
                asyncio.get_running_loop().call_soon(self._turn, context=self._context)
