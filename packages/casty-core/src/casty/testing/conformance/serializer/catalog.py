"""All checks, by the capabilities of a serializer."""

from typing import Final

from casty.testing.conformance.serializer import (
    contract,
    damage,
    determinism,
    evolution,
    refusals,
    round_trips,
    upcasting,
)
from casty.testing.conformance.serializer.registry import Capabilities, Check

ROOMS: Final = (round_trips, contract, determinism, refusals, damage, evolution, upcasting)

ALL: Final = Capabilities()


def checks(capabilities: Capabilities = ALL) -> list[Check]:
    """The checks that a serializer with these capabilities must pass, each with a descriptive name."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
