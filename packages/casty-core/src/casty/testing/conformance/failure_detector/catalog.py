"""All checks, by the promised figures of a detector."""

from typing import Final

from casty.testing.conformance.checks import held_to
from casty.testing.conformance.failure_detector import members, messages, patience, scale, silence
from casty.testing.conformance.failure_detector.registry import Check, DetectorPromises

ROOMS: Final = (silence, patience, members, messages, scale)


def checks(promises: DetectorPromises) -> list[Check]:
    """The checks that a detector must pass, each with a descriptive name."""
    return [held_to(promises, check) for room in ROOMS for check in room.check.of(promises)]
