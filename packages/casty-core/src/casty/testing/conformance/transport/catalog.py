"""All checks, by what a transport promises."""

from typing import Final

from casty.testing.conformance.checks import held_to
from casty.testing.conformance.transport import addresses, bounds, connecting, hostile, losing, ordering, refusing
from casty.testing.conformance.transport.registry import Capabilities, Check

ROOMS: Final = (connecting, addresses, ordering, bounds, losing, refusing)

ALL: Final = Capabilities()


def checks(capabilities: Capabilities = ALL) -> list[Check]:
    """Those that a transport with these capabilities has to pass, each with a name that tells what it looks at."""
    hostile_ones = [held_to(capabilities, check) for check in hostile.check.of(capabilities)]
    return [check for room in ROOMS for check in room.check.of(capabilities)] + hostile_ones
