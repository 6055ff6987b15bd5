"""All checks, by what a store promises."""

from typing import Final

from casty.spi.journal import JournalCapabilities
from casty.testing.conformance.journal import (
    appending,
    concurrency,
    deleting,
    entities,
    fencing,
    ordering,
    reopening,
    repeating,
    replaying,
    snapshots,
    takeover,
)
from casty.testing.conformance.journal.registry import Check

ROOMS: Final = (
    appending,
    repeating,
    replaying,
    entities,
    concurrency,
    snapshots,
    reopening,
    fencing,
    takeover,
    ordering,
    deleting,
)


def checks(capabilities: JournalCapabilities) -> list[Check]:
    """Those that a store with these capabilities has to pass, each with a name that tells what it looks at."""
    return [check for room in ROOMS for check in room.check.of(capabilities)]
