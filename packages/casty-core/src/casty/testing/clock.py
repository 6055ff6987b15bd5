"""Time controlled by a test: it stands still until the test moves it."""

import itertools
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any, Final, override

from casty.clock import Clock, TimerHandle
from casty.testing.settling import settle

NANOSECONDS: Final = 1_000_000_000
START: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Default time of day at which a test's clock starts: the same in every run."""


@dataclass(slots=True, eq=False)
class _Call:
    """A call scheduled for a time."""

    action: Callable[[], object]
    context: Context
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock(Clock):
    """A clock for `ActorSystem(clock=...)` that only the test moves; it starts at 0, and the time of day at `start`.

    It controls timers, `schedule`, `tick`, the timeouts of asks, the backoff of restarts, `ctx.now()`,
    `ctx.time()` and the timestamps of events. It does not control what uses the event loop's own clock:
    `asyncio.sleep` and `asyncio.timeout` in a handler, and `stop_timeout`. Times are kept in whole nanoseconds, so
    that ten steps of 0.1 s are exactly one second.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start.timestamp()
        self._now = 0
        self._planned: list[tuple[int, int, _Call]] = []
        """A heap by time, then by the order of scheduling."""
        self._numbers = itertools.count()

    @override
    def time(self) -> float:
        return self._now / NANOSECONDS

    def wall_time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._start + self.time()

    def now(self) -> datetime:
        """The time of day, as returned by `ctx.now()`."""
        return datetime.fromtimestamp(self.wall_time(), UTC)

    @override
    def call_later(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        call = _Call(lambda: callback(*args), copy_context())
        heappush(self._planned, (self._now + max(0, round(delay * NANOSECONDS)), next(self._numbers), call))
        return call

    async def advance(self, seconds: float) -> None:
        """Let time pass.

        The actors settle first (see `settle`), at the old time. Then each call runs at its due
        time, in order, and the actors settle again after each: calls that they schedule run too if they are
        due within `seconds`. Raises ValueError for a negative number, AssertionError if actors do not settle.
        """
        passing = _nanoseconds(seconds)
        await settle()
        end = self._now + passing
        while (call := self._take_due(end)) is not None:
            call.context.run(call.action)
            await settle()
        self._now = max(self._now, end)

    def stall(self, seconds: float) -> None:
        """Let time pass as while a handler blocks the event loop: calls that fall due are late, and run at the
        next `advance`.
        """
        self._now += _nanoseconds(seconds)

    def waits(self) -> list[float]:
        """Seconds until each scheduled call, soonest first; empty if none is scheduled."""
        return sorted((due - self._now) / NANOSECONDS for due, _, call in self._planned if not call.cancelled)

    def _take_due(self, end: int) -> _Call | None:
        """Remove and return the next call up to `end`, and move the clock to its time."""
        while self._planned and self._planned[0][0] <= end:
            due, _, call = heappop(self._planned)
            if not call.cancelled:
                self._now = max(self._now, due)
                return call
        return None


def _nanoseconds(seconds: float) -> int:
    if seconds < 0:
        raise ValueError(f"time cannot go back: {seconds}")
    return round(seconds * NANOSECONDS)


def manual_time(start: datetime = START) -> ManualClock:
    """A clock that stands still until `await clock.advance(seconds)`: `async with ActorSystem(clock=clock)`."""
    return ManualClock(start)
