"""A process of a host, from its start to its crash: the owner of callbacks, with a clock."""

from asyncio import Handle, Task
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Final

from casty.entropy import SOURCE
from casty.testing.simulation.seeded import SeededEntropy


class Process:
    """Decides for each callback of its context: run it, defer it, or never run it."""

    def __init__(
        self, host: str, number: int, *, entropy: SeededEntropy, clock_start: float, clock_rate: float
    ) -> None:
        self.host = host
        self.number = number
        self.entropy = entropy
        self.halted = False
        """Paused or dead: its callbacks are not run."""
        self.dead = False
        self.refuses = True
        """Once it is dead: whether its machine still refuses connections. Without power it does not."""
        self.exit: Callable[[object], object] = _nothing
        """Called with the code of a SystemExit that its program raises."""
        self.kept: list[Handle] = []
        """Deferred callbacks. A dead process keeps them so that none of their objects are freed."""
        self.tasks: list[Task[Any]] = []
        """Tasks that a crash left unfinished, kept for the same reason."""
        self._clock_start = clock_start
        self._clock_rate = clock_rate
        self._context = Context()
        self._context.run(PROCESS.set, self)
        self._context.run(SOURCE.set, entropy)

    def context(self) -> Context:
        """A new context for code of this process."""
        return self._context.copy()

    def clock(self, seconds: float) -> float:
        """The reading of its clock at a time of the simulation."""
        return self._clock_start + seconds * self._clock_rate

    def seconds(self, clock: float) -> float:
        """The time of the simulation at a reading of its clock."""
        return (clock - self._clock_start) / self._clock_rate


PROCESS: Final[ContextVar[Process | None]] = ContextVar("casty_simulated_process", default=None)
"""The process of the running code; None for the scenario and the network."""


def _nothing(_: object) -> None:
    """Do nothing, until a host sets a callback."""
