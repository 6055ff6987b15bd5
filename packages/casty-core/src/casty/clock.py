"""Time as the runtime sees it, so that tests may own it. An asyncio event loop is a clock as it stands."""

from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from casty import entropy


class TimerHandle(Protocol):
    """A call that is due later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic seconds, and calls at a later time."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        """Call `callback(*args)` on the event loop in `delay` seconds."""
        ...


@runtime_checkable
class WallClock(Protocol):
    """What a clock is as well if it owns the time of day; for others it is the machine's."""

    def wall_time(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class SystemClock(Clock):
    """The time of one actor system: the monotonic one, by which timers go, and the time of day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.wall_time = clock.wall_time if isinstance(clock, WallClock) else entropy.source().wall_time
        """Seconds since the Unix epoch. They may jump: measure durations with `time()`."""

    def time(self) -> float:
        return self._clock.time()

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.fromtimestamp(self.wall_time(), UTC)

    def call_later(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        return self._clock.call_later(delay, callback, *args)
