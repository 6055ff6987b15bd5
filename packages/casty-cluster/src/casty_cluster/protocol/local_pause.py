"""The local pause rule, which the failure detectors share: a process that was held up has no opinion about other nodes.

Theory of operation. A process that was stopped, swapped out or busy finds, once it runs again, that it has received
nothing for a while, although frames of the other nodes wait to be read. Its own ticks show that it was held up: a tick
that is later than the tolerance counts as a pause. All that a detector measures is then moved on by the gap, and for
one more window it gives no new verdict.

The rule is that of Cassandra's `FailureDetector` ("Not marking nodes down due to local pause").
"""

from typing import Final

LEAST_TOLERANCE: Final = 0.5
"""Seconds; an event loop may be that late without anything being wrong."""


class LocalPause:
    """Notices the pauses of this process. `window` is the silence that the detector tolerates in others, in seconds."""

    __slots__ = ("_tolerance", "_window", "over_at")

    def __init__(self, window: float) -> None:
        self._tolerance = max(LEAST_TOLERANCE, window / 2)
        self._window = window
        self.over_at = float("-inf")
        """When a verdict may be given again."""

    def gap(self, due: float | None, now: float) -> float:
        """Return for how long this process was held up, if what was due then happens only now; 0.0 for a mere delay."""
        late = 0.0 if due is None else now - due
        return late if late > self._tolerance else 0.0

    def resume(self, now: float) -> None:
        """A pause is over: listen for one window before the next verdict."""
        self.over_at = now + self._window
