"""What a check of a downing strategy is given, and the decorator that lists it."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.downing import DowningStrategy
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class DowningPromises:
    """What a strategy may do besides never letting two sides go on."""

    survives_crashes: bool = True
    """Of five members, one of which is dead, the others go on."""


type CreateStrategy = Callable[[], DowningStrategy]
"""Makes the strategy of one node."""

type Check = Callable[[CreateStrategy], None]
"""Raises `AssertionError` if the strategy does not do what the check's name says."""

Checks = RoomChecks[DowningPromises, Check]
