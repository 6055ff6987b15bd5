"""All checks, by the capabilities of an offset store."""

from typing import Final

from casty.testing.conformance.offset_store import committing, excluding, rows
from casty.testing.conformance.offset_store.registry import Capabilities, Check

ROOMS: Final = (committing, excluding, rows)


def checks(capabilities: Capabilities) -> list[Check]:
    """The checks that a store with these capabilities must pass, each with a descriptive name."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
