"""Waits that end whatever becomes of what they wait for.

User code and plugins may swallow their cancellation, or never come to an end. So no code that stops something awaits it
directly: it is a task, which is cancelled when its time is over, and abandoned if it has not ended after as long again.
An abandoned task may run on; nothing waits for it any more, and the log has named it.
"""

import asyncio
import logging
from asyncio import AbstractEventLoop, Task
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from casty.runtime.frames import frames_of, line
from casty.runtime.slices import in_slices

logger = logging.getLogger("casty")

LEAST: Final = 0.1
"""The share of its patience that a system keeps for each step of a shutdown that has taken too long already."""


type LogFields = Mapping[str, object]
"""The `extra` of a log record about an actor."""


class _Late(NamedTuple):
    name: str
    seconds: float
    fields: LogFields | None


class Patience:
    """How long a system waits for a step of a stop, by the event loop's own clock: where a test owns the time, a stop
    must end in real time.
    """

    def __init__(self, loop: AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self.whole = seconds
        self._deadline: float | None = None
        self._reports: dict[tuple[str, str], list[_Late]] = {}
        """What is late in this turn of the event loop, by the text of its log line and the place where it waits."""

    def hurry(self) -> None:
        """Everything stops: from now on steps one after the other, as of a child and its parent, have it between
        them.
        """
        self._deadline = self._loop.time() + 2 * self.whole

    @property
    def seconds(self) -> float:
        if self._deadline is None:
            return self.whole
        return min(self.whole, max(self._deadline - self._loop.time(), self.whole * LEAST))

    async def see_through(
        self, step: Callable[[], Awaitable[object]], name: str, seconds: float | None = None
    ) -> BaseException | None:
        """Carry out a step within its time. Returns what it raised, or None if it ended well or had to be cancelled."""
        seconds = self.seconds if seconds is None else seconds

        async def carry_out() -> None:
            await step()

        task = Task(carry_out(), loop=self._loop, name=name, eager_start=True)
        if not task.done():
            try:
                await asyncio.wait((task,), timeout=seconds)
            except asyncio.CancelledError:
                task.cancel()  # the program ends, and does not wait for this
                raise
        if not task.done():
            logger.error("%s has not ended after %.3g s and is cancelled, at %s", name, seconds, whereabouts(task))
            if await self.end((task,), name) or task.cancelled():
                return None
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    async def let_end(self, tasks: Collection[Task[Any]], name: str) -> None:
        """Wait until tasks have ended by themselves; those that outlast their time are ended."""
        seconds = self.seconds
        _, late = await asyncio.wait(tasks, timeout=seconds)
        if late:
            where = whereabouts(next(iter(late)))
            logger.error(
                "%d %s have not ended after %.3g s and are cancelled, one of them at %s",
                len(late),
                name,
                seconds,
                where,
            )
            await self.end(late, f"one of the {name}")

    async def end(self, tasks: Collection[Task[Any]], name: str) -> Collection[Task[Any]]:
        """Cancel tasks and wait until they have ended. The result are those that ignore it, and are abandoned."""
        await in_slices(lambda task: task.cancel(), tuple(tasks))
        left = [task for task in tasks if not task.done()]
        if not left:
            return ()
        seconds = self.seconds
        _, pending = await asyncio.wait(left, timeout=seconds)
        for task in pending:
            self.abandon(task, name, seconds)
        return pending

    def cancel(self, task: Task[Any], name: str, seconds: float, fields: LogFields) -> None:
        """Cancel a handler that still runs although its actor was to stop that many seconds ago, and log it."""
        self._report(
            "%s was to stop %.3g s ago and still handles a message: it is cancelled, at %s", task, name, seconds, fields
        )
        task.cancel()

    def abandon(self, task: Task[Any], name: str, seconds: float, fields: LogFields | None = None) -> None:
        """Log a task that is not waited for any more. `asyncio.run`, which waits for all, must not wait either."""
        asyncio._unregister_task(task)  # pyright: ignore[reportPrivateUsage]  # documented, for extensions of asyncio
        self._report(
            "%s has ignored its cancellation for %.3g s and is abandoned, at %s; let CancelledError pass",
            task,
            name,
            seconds,
            fields,
        )

    def _report(self, text: str, task: Task[Any], name: str, seconds: float, fields: LogFields | None) -> None:
        """Log that something is late: thousands that wait at one place share a line."""
        if not self._reports:
            self._loop.call_soon(self._log)
        self._reports.setdefault((text, whereabouts(task)), []).append(_Late(name, seconds, fields))

    def _log(self) -> None:
        reports, self._reports = self._reports, {}
        for (text, where), late in reports.items():
            first = late[0]
            name = first.name if len(late) == 1 else f"{first.name}, like {len(late) - 1} more,"
            logger.error(text, name, first.seconds, where, extra=first.fields)


def whereabouts(task: Task[Any]) -> str:
    """The file and line at which a suspended task awaits."""
    frames = list(frames_of(task))
    return line(frames) if frames else "an unknown place"
