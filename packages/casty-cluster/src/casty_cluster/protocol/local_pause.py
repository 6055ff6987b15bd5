"""The local pause rule, which the failure detectors share: who was held up himself has no opinion about the others.

Theory of operation. A process that was stopped, swapped out or busy finds, once it goes on, that it has heard of nobody
for a while, although what the others sent meanwhile waits to be read. That it was held up shows by its own ticks: one
that comes later than the tolerance is taken for a pause. Whatever a detector measures is then moved on by the gap, and
for one more window it gives no new verdict.

The rule is that of Cassandra's `FailureDetector` ("Not marking nodes down due to local pause").
"""

from typing import Final

LEAST_TOLERANCE: Final = 0.5
"""Seconds; an event loop may be that late without anything being wrong."""


class LocalPause:
    """Notices one's own pauses. `window` is the silence that the detector forgives others, in seconds."""

    __slots__ = ("_tolerance", "_window", "over_at")

    def __init__(self, window: float) -> None:
        self._tolerance = max(LEAST_TOLERANCE, window / 2)
        self._window = window
        self.over_at = float("-inf")
        """When a verdict may be given again."""

    def gap(self, due: float | None, now: float) -> float:
        """How long one was held up if what was due then has not happened by now; 0.0 for a mere delay."""
        late = 0.0 if due is None else now - due
        return late if late > self._tolerance else 0.0

    def resume(self, now: float) -> None:
        """A pause is over: from now on one listens before one judges."""
        self.over_at = now + self._window
