"""The deadlines of all asks of a system: one wheel instead of a timer for each ask."""

import math
from collections.abc import Callable, Iterator
from typing import Final

from casty.clock import Clock, TimerHandle
from casty.runtime.pending import Waiting
from casty.runtime.slices import SLICE

SWEEP: Final = 0.05
"""Seconds between two looks at the asks that may have timed out."""
CLOSE: Final = 1e-6
"""Seconds that count as none, as sums of times are not exact."""
DISTINCT: Final = 64
"""Different timeouts that are kept exactly."""
COARSE: Final = 1.01
"""Beyond, a timeout is rounded up to a power of this, so that a sweep does not grow with the number of asks."""
OVERDUE: Final = object()
"""The result of what has reached its deadline. No exception: it would refer to the frames that wait for it."""


class Deadlines:
    """Ends what waits when its time is over, a slice in each turn of the event loop."""

    def __init__(self, clock: Clock, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._clock = clock
        self._call_soon = call_soon
        self._by_timeout: dict[float, dict[Waiting, float]] = {}
        """What waits equally long, in the order of the deadlines."""
        self._timer: TimerHandle | None = None
        self._sweeping = False
        """Whether the next slice of a sweep is due in the next turn."""

    def enlist(self, waiting: Waiting, timeout: float) -> dict[Waiting, float]:
        """Complete `waiting` with `OVERDUE` in `timeout` seconds; take it out of the result when it is over before."""
        deadlines = self._by_timeout.get(timeout)
        if deadlines is None:
            if len(self._by_timeout) >= DISTINCT and timeout > 0:
                timeout = COARSE ** math.ceil(math.log(timeout, COARSE))
            deadlines = self._by_timeout.setdefault(timeout, {})
        deadlines[waiting] = self._clock.time() + timeout
        if self._timer is None and not self._sweeping:
            self._timer = self._clock.call_later(min(SWEEP, max(timeout, 0.0)), self._sweep)
        return deadlines

    def close(self) -> Iterator[Waiting]:
        """Watch no deadline any more; yields whatever still waits."""
        if self._timer is not None:
            self._timer.cancel()
        while self._by_timeout:
            _, deadlines = self._by_timeout.popitem()
            while deadlines:
                yield deadlines.popitem()[0]

    def _sweep(self) -> None:
        self._timer, self._sweeping = None, False
        now = self._clock.time()
        wait = SWEEP
        left = SLICE
        for timeout, deadlines in list(self._by_timeout.items()):
            if not deadlines:
                del self._by_timeout[timeout]
            overdue: list[Waiting] = []
            for waiting, deadline in deadlines.items():
                if deadline - now > CLOSE:
                    wait = min(wait, deadline - now)
                    break
                overdue.append(waiting)
                if len(overdue) == left:
                    break
            left -= len(overdue)
            for waiting in overdue:
                deadlines.pop(waiting, None)
                if not waiting.done():
                    waiting.set_result(OVERDUE)
            if not left:
                self._sweeping = True
                self._call_soon(self._sweep)
                return
        if self._by_timeout:
            self._timer = self._clock.call_later(wait, self._sweep)
