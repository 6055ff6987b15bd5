"""Circuit breaker of a server: decides when a server that does not respond may be tried again. Pure: the clock is an
argument.

After `TRIES` failures in a row the breaker opens: attempts are refused, so that no caller waits for a server that is
down. After a pause, one attempt goes through as a probe, and the next pause is longer, up to `LONGEST`: an
attempt every few seconds costs a server nothing, and its return is noticed soon.
"""

from typing import Final, final

TRIES: Final = 10
SHORTEST: Final = 0.5
"""Length of the first pause, in seconds."""
LONGEST: Final = 3.0
GROWTH: Final = 1.5


@final
class CircuitBreaker:
    """The state of one server. `now` is any clock in seconds that only goes forward."""

    __slots__ = ("_failures", "_pause", "_retry_at")

    def __init__(self) -> None:
        self._failures = 0
        self._pause = SHORTEST
        self._retry_at = 0.0

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last one that succeeded."""
        return self._failures

    def refusal(self, now: float) -> float | None:
        """None if the server may be tried, else the seconds until it may be.

        Where None ends a pause, the caller is the probe: others are refused until the next pause is over.
        """
        if self._failures < TRIES:
            return None
        if now < self._retry_at:
            return self._retry_at - now
        self._pause = min(self._pause * GROWTH, LONGEST)
        self._retry_at = now + self._pause
        return None

    def failed(self, now: float) -> None:
        """Record that the server could not be reached, or closed the connection."""
        self._failures += 1
        if self._failures == TRIES:
            self._pause = SHORTEST
            self._retry_at = now + SHORTEST

    def succeeded(self) -> None:
        """Record that the server has responded, even with an error."""
        self._failures = 0
