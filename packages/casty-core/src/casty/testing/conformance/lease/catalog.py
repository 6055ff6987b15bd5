"""All checks of a lease store."""

from typing import Final

from casty.testing.conformance.lease import granting, racing, running_out
from casty.testing.conformance.lease.registry import Check

ROOMS: Final = (granting, running_out, racing)


def checks() -> list[Check]:
    """The checks that a store must pass, each with a descriptive name."""
    return [check for room in ROOMS for check in room.check.of(None)]
