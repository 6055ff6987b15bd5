"""All checks, for the figures that a detector promises."""

from typing import Final

from casty.testing.conformance.checks import held_to
from casty.testing.conformance.failure_detector import members, messages, patience, scale, silence
from casty.testing.conformance.failure_detector.registry import Check, DetectorPromises

ROOMS: Final = (silence, patience, members, messages, scale)


def checks(promises: DetectorPromises) -> list[Check]:
    """Those that a detector has to pass, each with a name that tells what it looks at."""
    return [held_to(promises, check) for room in ROOMS for check in room.check.of(promises)]
