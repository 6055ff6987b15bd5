"""All checks, by the promises of a strategy."""

from typing import Final

from casty.testing.conformance.downing import agreement, splits
from casty.testing.conformance.downing.registry import Check, DowningPromises

ROOMS: Final = (splits, agreement)


def checks(promises: DowningPromises) -> list[Check]:
    """The checks that a strategy with these promises must pass, each with a descriptive name."""
    return [check for room in ROOMS for check in room.check.of(promises)]
