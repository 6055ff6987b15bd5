"""Time as the runtime sees it, so that tests may own it. An asyncio event loop is a clock as it stands."""

from typing import Any, Protocol


class TimerHandle(Protocol):
    """A call that is due later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic seconds, and calls at a later time."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Any, *args: Any) -> TimerHandle:
        """Call `callback(*args)` on the event loop in `delay` seconds."""
        ...
