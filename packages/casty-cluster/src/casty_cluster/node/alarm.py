"""One timer for whoever knows when he has something to do next."""

from collections.abc import Callable

from casty.clock import Clock, TimerHandle


class Alarm:
    """Calls back once the time that was set last has come."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: float | None = None
        self._timer: TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """None: nothing is to be done."""
        if due == self._due:
            return
        self.stop()
        if due is not None:
            self._due = due
            self._timer = self._clock.call_later(max(0.0, due - self._clock.time()), self._fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._timer = None

    def _fire(self) -> None:
        self._due = self._timer = None
        self._ring()
