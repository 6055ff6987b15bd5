"""Random numbers and clocks that are the same in each run of a seed."""

from collections.abc import Callable
from random import Random
from typing import Final

BEGIN: Final = 1_767_225_600.0
"""The wall time at which each run starts: the first second of 2026."""
LOOK: Final = 0.000_4
"""The longest time that the stopwatch adds between two readings, so that actors yield to each other."""


def stream(seed: int, name: str) -> Random:
    """A separate generator per purpose, so that more calls for one purpose do not change the others."""
    return Random(f"{seed}:{name}")


class SeededEntropy:
    """The `casty.entropy.Entropy` of one process, or of the scenario."""

    def __init__(self, random: Random, seconds: Callable[[], float]) -> None:
        self.wall_offset = 0.0
        """Error of the wall clock, in seconds."""
        self._random = random
        self._looking = Random(random.random())
        self._seconds = seconds
        self._held = 0.0

    def token(self, size: int, /) -> bytes:
        return self._random.randbytes(size)

    def random(self) -> Random:
        return Random(self._random.random())

    def wall_time(self) -> float:
        return BEGIN + self._seconds() + self.wall_offset

    def stopwatch(self) -> float:
        """Virtual time does not pass while a callback runs, so each reading adds some: sooner or later every
        callback has run for long enough.
        """
        self._held += self._looking.random() * LOOK
        return self._held
