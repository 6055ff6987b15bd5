"""Decides when a server that does not answer may be tried again. Pure: the clock is an argument.

After `TRIES` failures in a row the breaker is open: attempts are refused, so that nobody waits for a server that is
down. When the pause is over, one attempt goes through as a probe, and the next pause is longer, up to `LONGEST`: an
attempt every few seconds is nothing to a server, and its return is noticed soon.
"""

from typing import Final, final

TRIES: Final = 10
SHORTEST: Final = 0.5
"""Seconds of the first pause."""
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
        """The server could not be reached, or broke off."""
        self._failures += 1
        if self._failures == TRIES:
            self._pause = SHORTEST
            self._retry_at = now + SHORTEST

    def succeeded(self) -> None:
        """The server has answered, if only with an error."""
        self._failures = 0
