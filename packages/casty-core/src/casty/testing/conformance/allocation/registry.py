"""The argument of checks of allocation strategies, and their decorator."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.allocation import AllocationStrategy
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationPromises:
    """The promises of a strategy beyond a node for each shard."""

    spreads: bool = True
    """No node of five has more than twice its share of 1,000 shards."""
    uses_newcomers: bool = True
    """Rebalancing gives shards to a node that has none."""


type CreateStrategy = Callable[[], AllocationStrategy]
"""Creates the strategy of one coordinator."""

type Check = Callable[[CreateStrategy], None]
"""Raises `AssertionError` if the statement in the check's name is not true of the strategy."""

Checks = RoomChecks[AllocationPromises, Check]
