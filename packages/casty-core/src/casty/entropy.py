"""Where everything in Casty comes from that differs from run to run: random numbers, unique bytes, the time of day.

Nothing else may ask the `time`, `random`, `secrets`, `uuid` and `os` modules for it. To replace the source, as a
simulation does for each of its hosts, is to decide all of it; see `casty.testing.simulation`.
"""

import secrets
import time
from contextvars import ContextVar
from random import Random
from typing import Final, Protocol


class Entropy(Protocol):
    """A source of what differs from run to run."""

    def token(self, size: int, /) -> bytes:
        """Return `size` bytes that cannot be guessed and never come again."""
        ...

    def random(self) -> Random:
        """A new generator, for chances that need not be secret: jitter, the choice among equals."""
        ...

    def wall_time(self) -> float:
        """Seconds since the Unix epoch, for people: it may jump, so nothing depends on it alone."""
        ...

    def stopwatch(self) -> float:
        """Seconds whose differences say for how long the processor has been held. Other times are the event loop's."""
        ...


class _Machine:
    """The machine's own."""

    token = staticmethod(secrets.token_bytes)
    random = Random
    wall_time = staticmethod(time.time)
    stopwatch = staticmethod(time.perf_counter)


_MACHINE: Final[Entropy] = _Machine()
SOURCE: Final[ContextVar[Entropy]] = ContextVar("casty_entropy", default=_MACHINE)
"""The source of whatever runs in this context."""


def source() -> Entropy:
    """The source that counts here. What is used often is taken from it once, when its user is made."""
    return SOURCE.get()


def is_real() -> bool:
    """Whether time and chance are the machine's here, so that threads may measure them."""
    return SOURCE.get() is _MACHINE
