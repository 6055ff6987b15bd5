"""What a check of a serializer is given, what a serializer may promise, and the decorator that lists a check."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.serializer import RefResolver, Serializer
from casty.testing.conformance.checks import RoomChecks

type Create = Callable[[RefResolver], Serializer]
"""Makes the serializer under test, as a program does when it starts."""

type Check = Callable[[Create], None]
"""Raises `AssertionError` if the serializer does not do what the check's name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a serializer promises beyond the protocol."""

    deterministic: bool = True
    """Equal values are equal bytes, but for sets: their order is nobody's."""
    upcasting: bool = True
    """What older versions have stored goes through the upcasters. Whoever stores events cannot do without."""


Checks = RoomChecks[Capabilities, Check]
