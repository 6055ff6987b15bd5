"""All checks, by what a serializer promises."""

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
    """Those that a serializer with these capabilities has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
