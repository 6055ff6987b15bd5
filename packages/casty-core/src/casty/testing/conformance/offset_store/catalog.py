"""All checks, by what an offset store promises."""

from typing import Final

from casty.testing.conformance.offset_store import committing, excluding, rows
from casty.testing.conformance.offset_store.registry import Capabilities, Check

ROOMS: Final = (committing, excluding, rows)


def checks(capabilities: Capabilities) -> list[Check]:
    """Those that a store with these capabilities has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
