"""The argument of checks of failure detectors, and their decorator."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorPromises:
    """The promised figures of a detector, with a heartbeat interval and a check interval of one second."""

    detection: tuple[float, float]
    """Earliest and latest time, in seconds after a node's last sign of life, at which all its watchers in a cluster of
    five suspect it.
    """
    alone: float
    """Seconds after which an isolated node of five suspects all others, at the latest."""
    forgiven: float = 3.0
    """Seconds of silence that never make a node suspect."""
    mistakes: float = 0.01
    """Wrong suspicions per node and hour, in a network that loses 10 % and whose delays vary by 50 %."""


type CreateDetector = Callable[[DetectorContext], FailureDetector]
"""Creates the detector of one node."""

type Check = Callable[[CreateDetector], None]
"""Raises `AssertionError` if the statement in the check's name is not true of the detector."""

type PromisedCheck = Callable[[CreateDetector, DetectorPromises], None]
"""A check that depends on the promised figures."""

Checks = RoomChecks[DetectorPromises, PromisedCheck]
