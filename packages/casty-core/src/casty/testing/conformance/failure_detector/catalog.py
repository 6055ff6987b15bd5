"""All checks, for the figures that a detector promises."""

from functools import wraps
from typing import Final

from casty.testing.conformance.failure_detector import members, messages, patience, scale, silence
from casty.testing.conformance.failure_detector.registry import Check, CreateDetector, DetectorPromises, PromisedCheck

ROOMS: Final = (silence, patience, members, messages, scale)


def checks(promises: DetectorPromises) -> list[Check]:
    """Those that a detector has to pass, each with a name that tells what it looks at."""
    return [_held_to(promises, check) for room in ROOMS for check in room.check.of(promises)]


def _held_to(promises: DetectorPromises, check: PromisedCheck) -> Check:
    @wraps(check)
    def held(create: CreateDetector) -> None:
        check(create, promises)

    return held
