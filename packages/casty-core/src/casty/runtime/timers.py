"""Keyed timers: of the system, and of each actor that has any."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.clock import Clock, TimerHandle
from casty.runtime.slices import in_slices


@dataclass(slots=True, eq=False)
class _Timer:
    due: float
    handle: TimerHandle


class KeyedTimers:
    """Calls that are due once or again and again, each under a key; a key that is used again replaces its timer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[str, _Timer] = {}

    def once(self, key: str, delay: float, action: Callable[[], object]) -> None:
        """Call `action` in `delay` seconds."""
        if delay < 0:
            raise ValueError(f"a delay cannot be negative: {delay}")

        def fire() -> None:
            del self._timers[key]
            action()

        self._set(key, self._clock.time() + delay, fire)

    def repeat(self, key: str, interval: float, action: Callable[[], object]) -> None:
        """Call `action` every `interval` seconds, first after one. Beats that a busy loop missed are skipped, not
        made up for.
        """
        if interval <= 0:
            raise ValueError(f"an interval must be positive: {interval}")

        def fire() -> None:
            now = self._clock.time()
            missed = max(0.0, now - self._timers[key].due) // interval
            self._set(key, self._timers[key].due + (missed + 1) * interval, fire)
            action()

        self._set(key, self._clock.time() + interval, fire)

    def cancel(self, key: str) -> None:
        """Nothing happens if there is no timer of that key."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()

    async def cancel_all(self) -> None:
        await in_slices(self.cancel, list(self._timers))

    def _set(self, key: str, due: float, fire: Callable[[], None]) -> None:
        self.cancel(key)
        self._timers[key] = _Timer(due, self._clock.call_later(max(0.0, due - self._clock.time()), fire))
