"""Time that a test owns: it stands still until the test lets it pass."""

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
"""The time of day at which a clock of a test begins, unless it is given another: the same in every run."""


@dataclass(slots=True, eq=False)
class _Call:
    """What falls due at a time."""

    action: Callable[[], object]
    context: Context
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock(Clock):
    """A clock for `ActorSystem(clock=...)` that stands still; it begins at 0, and the time of day at `start`.

    Timers, `schedule`, `tick`, the timeouts of asks and the back-off of restarts go by it, as do `ctx.now()`,
    `ctx.time()` and the timestamps of events. What goes by the event
    loop's own clock does not: `asyncio.sleep` and `asyncio.timeout` in a handler, and the patience with which a
    stopping system waits for its actors. Times are kept in whole nanoseconds, so that ten steps of 0.1 s make exactly
    one second.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start.timestamp()
        self._now = 0
        self._planned: list[tuple[int, int, _Call]] = []
        """A heap by time, and then by the order of planning."""
        self._numbers = itertools.count()

    @override
    def time(self) -> float:
        return self._now / NANOSECONDS

    def wall_time(self) -> float:
        """Seconds since the Unix epoch."""
        return self._start + self.time()

    def now(self) -> datetime:
        """The time of day: what the actors see in `ctx.now()`."""
        return datetime.fromtimestamp(self.wall_time(), UTC)

    @override
    def call_later(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        call = _Call(lambda: callback(*args), copy_context())
        heappush(self._planned, (self._now + max(0, round(delay * NANOSECONDS)), next(self._numbers), call))
        return call

    async def advance(self, seconds: float) -> None:
        """Let time pass.

        The actors settle first (see `settle`), at the old time. Then every call that falls due is run at its own
        time, in order, and after each one the actors settle again: what they plan in answer is run too if it falls
        due within `seconds`. Raises ValueError for a negative number, AssertionError where actors do not settle.
        """
        passing = _nanoseconds(seconds)
        await settle()
        end = self._now + passing
        while (call := self._take_due(end)) is not None:
            call.context.run(call.action)
            await settle()
        self._now = max(self._now, end)

    def stall(self, seconds: float) -> None:
        """Let time pass as it does while a handler holds the event loop: whatever falls due is late, and runs at the
        next `advance`.
        """
        self._now += _nanoseconds(seconds)

    def waits(self) -> list[float]:
        """Seconds until each call that is planned, soonest first. Nobody waits for anything: an empty list."""
        return sorted((due - self._now) / NANOSECONDS for due, _, call in self._planned if not call.cancelled)

    def _take_due(self, end: int) -> _Call | None:
        """The next call up to `end`, at whose time it is then."""
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
