"""What a check of a failure detector is given, and the decorator that lists it."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.testing.conformance.checks import RoomChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorPromises:
    """The figures that a detector is held to, with a second between two signs of life and one between two looks."""

    detection: tuple[float, float]
    """Seconds after a node's last sign of life, at the earliest and at the latest, until every node of a cluster of
    five that watches it suspects it.
    """
    alone: float
    """Seconds after which a node of five that is cut off from all others suspects them all, at the latest."""
    forgiven: float = 3.0
    """Seconds of silence that never make a node suspect."""
    mistakes: float = 0.01
    """Wrong suspicions for each node and hour, in a network that loses 10 % and whose delays vary by 50 %."""


type CreateDetector = Callable[[DetectorContext], FailureDetector]
"""Makes the detector of one node."""

type Check = Callable[[CreateDetector], None]
"""Raises `AssertionError` if the detector does not do what the check's name says."""

type PromisedCheck = Callable[[CreateDetector, DetectorPromises], None]
"""A check that needs to know the detector's figures."""

Checks = RoomChecks[DetectorPromises, PromisedCheck]
