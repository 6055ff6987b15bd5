"""Keyed timers: of the system, and of each actor that has any."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from casty.clock import Clock, TimerHandle
from casty.ref import ActorRef
from casty.runtime.revocable import REVOKED, Revocable
from casty.runtime.slices import in_slices


class KeyedTimers:
    """Messages that are due once or again and again, each under a key; a key that is used again replaces its timer.

    A message of a timer that is cancelled or replaced is revoked, also where it waits in a mailbox already. `send` is
    called with what is due, and returns whether its actor may still be alive.
    """

    def __init__(self, clock: Clock, send: Callable[[ActorRef[Any], Revocable], bool]) -> None:
        self._clock = clock
        self._send = send
        self._timers: dict[str, _Timer] = {}

    def once(self, key: str, ref: ActorRef[Any], message: Any, delay: float) -> None:
        """Tell `ref` in `delay` seconds."""
        if delay < 0:
            raise ValueError(f"a delay cannot be negative: {delay}")
        self._start(key, ref, message, delay, None)

    def repeat(self, key: str, ref: ActorRef[Any], message: Any, interval: float) -> None:
        """Tell `ref` every `interval` seconds, first after one, until the actor has stopped. Beats that a busy loop
        missed are skipped, not made up for.
        """
        if interval <= 0:
            raise ValueError(f"an interval must be positive: {interval}")
        self._start(key, ref, message, interval, interval)

    def cancel(self, key: str) -> None:
        """Nothing happens if there is no timer of that key."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()

    async def cancel_all(self) -> None:
        await in_slices(self.cancel, list(self._timers))

    def is_current(self, timer: "_Timer") -> bool:
        """Whether it is neither cancelled nor replaced."""
        return self._timers.get(timer.key) is timer

    def _start(self, key: str, ref: ActorRef[Any], message: Any, delay: float, interval: float | None) -> None:
        due = self._clock.time() + delay
        timer = _Timer(self, key, ref, message, due, interval)
        timer.handle = self._clock.call_later(max(0.0, delay), self._fire, timer)
        self.cancel(key)  # not before: the call may raise
        self._timers[key] = timer

    def _fire(self, timer: "_Timer") -> None:
        if timer.interval is not None:
            now = self._clock.time()
            missed = max(0.0, now - timer.due) // timer.interval
            timer.due += (missed + 1) * timer.interval
            timer.handle = self._clock.call_later(max(0.0, timer.due - now), self._fire, timer)
        if not self._send(timer.ref, timer):
            self.cancel(timer.key)


@dataclass(slots=True, eq=False)
class _Timer(Revocable):
    """A timer, and its message where it waits: one that is due once ends when its message is taken."""

    timers: KeyedTimers
    key: str
    ref: ActorRef[Any]
    message: Any
    due: float
    interval: float | None
    handle: TimerHandle = None  # pyright: ignore[reportAssignmentType]  # set as soon as there is one

    @override
    def take(self) -> Any:
        if not self.timers.is_current(self):
            return REVOKED
        if self.interval is None:
            self.timers.cancel(self.key)
        return self.message
