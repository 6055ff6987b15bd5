"""All checks, by the capabilities of a transport."""

from typing import Final

from casty.testing.conformance.checks import held_to
from casty.testing.conformance.transport import (
    addresses,
    bounds,
    clients,
    connecting,
    hostile,
    losing,
    ordering,
    refusing,
)
from casty.testing.conformance.transport.registry import Capabilities, Check

ROOMS: Final = (connecting, addresses, ordering, bounds, losing, refusing, clients)

ALL: Final = Capabilities()


def checks(capabilities: Capabilities = ALL) -> list[Check]:
    """The checks that a transport with these capabilities must pass, each with a descriptive name."""
    hostile_ones = [held_to(capabilities, check) for check in hostile.check.of(capabilities)]
    return [check for room in ROOMS for check in room.check.of(capabilities)] + hostile_ones
