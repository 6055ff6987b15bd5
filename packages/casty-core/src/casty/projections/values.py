"""What users say to a projection and hear from it."""

from dataclasses import dataclass
from enum import Enum


class OnError(Enum):
    """What becomes of an event that its handler cannot handle, or that cannot be decoded.

    It is tried a second time, alone in its transaction, before it counts as failed: what failed with it was perhaps not
    its fault.
    """

    retry = "retry"
    """Again and again, with back-off. No event is missing from the rows, and none behind this one comes."""
    stop = "stop"
    """The projection stops and raises `ProjectionError`."""
    skip = "skip"
    """The event is logged as an error and left out."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a projection is behind its journal."""

    offsets: int
    """Between the projection and the end of the journal. No fewer than the events that it has yet to handle, and more
    where some of them have other tags, are deleted, or were never stored.
    """
    seconds: float
    """For how long the first event that it has yet to handle has been waiting, by the clock of that event's writer."""
