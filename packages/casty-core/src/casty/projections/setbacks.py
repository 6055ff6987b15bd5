"""Decides what follows the failures of a projection. Pure: it neither waits nor logs.

An event is suspected when a batch has failed at it. Until it is handled, events are handled one by one: so those before
it are committed and not repeated with it, and it is judged alone.
"""

from random import Random
from typing import final

from casty.behaviors.supervision import Backoff


@final
class Setbacks:
    """The failures in a row of one projection."""

    def __init__(self, backoff: Backoff, random: Random) -> None:
        self._backoff = backoff
        self._random = random
        self._attempts = 0
        self._suspect: int | None = None

    def batch_size(self, usual: int) -> int:
        """How many events to try at once."""
        return usual if self._suspect is None else 1

    def is_guilty(self, offset: int) -> bool:
        """Whether the event at this offset, which has just failed, has failed before; it is suspected from now on."""
        guilty = offset == self._suspect
        self._suspect = offset
        return guilty

    def progressed(self, offset: int) -> None:
        """Everything up to this offset is handled."""
        self._attempts = 0
        if self._suspect is not None and offset >= self._suspect:
            self._suspect = None

    def delay(self) -> float:
        """Seconds to wait after one more failure."""
        self._attempts += 1
        return self._backoff.delay(self._attempts, self._random)
