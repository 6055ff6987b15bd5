"""All checks of a lease store."""

from typing import Final

from casty.testing.conformance.lease import granting, racing, running_out
from casty.testing.conformance.lease.registry import Check

ROOMS: Final = (granting, running_out, racing)


def checks() -> list[Check]:
    """Those that a store has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(None)]
