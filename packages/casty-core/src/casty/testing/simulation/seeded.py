"""Chance that is the same in each run of a seed."""

from collections.abc import Callable
from random import Random
from typing import Final

BEGIN: Final = 1_767_225_600.0
"""The wall time at which each run begins: the first second of 2026."""
LOOK: Final = 0.000_4
"""The longest time that seems to have passed, for the sake of fairness among actors, between two looks at the clock."""


def stream(seed: int, name: str) -> Random:
    """A generator of its own for each purpose, so that more of one thing does not change all others."""
    return Random(f"{seed}:{name}")


class SeededEntropy:
    """The `casty.entropy.Entropy` of one process, or of the scenario."""

    def __init__(self, random: Random, seconds: Callable[[], float]) -> None:
        self.wall_offset = 0.0
        """By how many seconds the wall clock is wrong."""
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
        """Virtual time stands still while the processor is held, so each look takes some: sooner or later everybody
        has held it for long enough.
        """
        self._held += self._looking.random() * LOOK
        return self._held
