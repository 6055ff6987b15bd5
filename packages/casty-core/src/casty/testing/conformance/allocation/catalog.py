"""All checks, by the promises of a strategy."""

from typing import Final

from casty.testing.conformance.allocation import allocating, rebalancing
from casty.testing.conformance.allocation.registry import AllocationPromises, Check

ROOMS: Final = (allocating, rebalancing)


def checks(promises: AllocationPromises) -> list[Check]:
    """The checks that a strategy with these promises must pass, each with a descriptive name."""
    return [check for room in ROOMS for check in room.check.of(promises)]
