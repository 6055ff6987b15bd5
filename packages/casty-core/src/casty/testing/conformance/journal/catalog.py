"""All checks, by the capabilities of a store."""

from typing import Final

from casty.spi.journal import JournalCapabilities
from casty.testing.conformance.checks import held_to
from casty.testing.conformance.journal import (
    appending,
    concurrency,
    declaring,
    deleting,
    entities,
    fencing,
    looking,
    ordering,
    owners,
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
    owners,
    ordering,
    deleting,
    looking,
)


def checks(capabilities: JournalCapabilities) -> list[Check]:
    """The checks that a store with these capabilities must pass, each with a descriptive name."""
    declared = [held_to(capabilities, check) for check in declaring.check.of(capabilities)]
    return declared + [check for room in ROOMS for check in room.check.of(capabilities)]
