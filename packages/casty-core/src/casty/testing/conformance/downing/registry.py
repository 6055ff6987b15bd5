"""The argument of checks of downing strategies, and their decorator."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.downing import DowningStrategy
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class DowningPromises:
    """The promises of a strategy beyond at most one surviving side."""

    survives_crashes: bool = True
    """Of five members, one of which is dead, the others survive."""


type CreateStrategy = Callable[[], DowningStrategy]
"""Creates the strategy of one node."""

type Check = Callable[[CreateStrategy], None]
"""Raises `AssertionError` if the statement in the check's name is not true of the strategy."""

Checks = RoomChecks[DowningPromises, Check]
