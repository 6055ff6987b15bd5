"""What a coordinator does now."""

from enum import Enum


class Phase(Enum):
    idle = "idle"
    """Another node coordinates."""
    recovering = "recovering"
    """Reports are missing."""
    active = "active"
    retired = "retired"
    """The node leaves: another one coordinates, or is about to."""
