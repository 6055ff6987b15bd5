"""All checks, by what a strategy promises."""

from typing import Final

from casty.testing.conformance.downing import agreement, splits
from casty.testing.conformance.downing.registry import Check, DowningPromises

ROOMS: Final = (splits, agreement)


def checks(promises: DowningPromises) -> list[Check]:
    """Those that a strategy with these promises has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(promises)]
