"""The argument of checks of serializers, the capabilities of a serializer, and the decorator of checks."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.serializer import RefResolver, Serializer
from casty.testing.conformance.checks import RoomChecks

type Create = Callable[[RefResolver], Serializer]
"""Creates the serializer under test, as a program does when it starts."""

type Check = Callable[[Create], None]
"""Raises `AssertionError` if the statement in the check's name is not true of the serializer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities of a serializer beyond the protocol."""

    deterministic: bool = True
    """Equal values are equal bytes, except for sets, which have no order."""
    upcasting: bool = True
    """Values of older versions go through the upcasters. Required for stored events."""


Checks = RoomChecks[Capabilities, Check]
