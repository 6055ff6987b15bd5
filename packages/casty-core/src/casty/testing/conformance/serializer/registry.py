"""What a check is, what a serializer may promise, and how the rooms of this package list their checks."""

from collections.abc import Callable
from dataclasses import dataclass

from casty.spi.serializer import RefResolver, Serializer

type Create = Callable[[RefResolver], Serializer]
"""Makes the serializer under test, as a program does when it starts."""

type Check = Callable[[Create], None]
"""Raises `AssertionError` if the serializer does not do what the check's name says; what the serializer raises where it
should not is let through.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a serializer promises beyond the protocol."""

    deterministic: bool = True
    """Equal values are equal bytes, but for sets: their order is nobody's."""
    upcasting: bool = True
    """What older versions have stored goes through the upcasters. Whoever stores events cannot do without."""


type Promise = Callable[[Capabilities], bool]
"""Whether a serializer promises what a room looks at."""


class Checks:
    """The checks of one room, in the order in which they stand there; used as their decorator."""

    def __init__(self, promise: Promise = lambda _: True) -> None:
        self._promise = promise
        self._listed: list[Check] = []

    def __call__(self, check: Check) -> Check:
        self._listed.append(check)
        return check

    def of(self, capabilities: Capabilities) -> list[Check]:
        """Those that a serializer with these capabilities has to pass."""
        return self._listed if self._promise(capabilities) else []
