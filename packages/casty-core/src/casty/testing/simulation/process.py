"""One life of a host, from its start to its crash: whose callbacks they are, and by which clock they go."""

from asyncio import Handle, Task
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Final

from casty.entropy import SOURCE
from casty.testing.simulation.seeded import SeededEntropy


class Process:
    """The event loop asks it for each callback of its context: run it, keep it for later, or never run it."""

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
        """Once it is dead: whether its machine still answers, that nobody is there. Without power it does not."""
        self.exit: Callable[[object], object] = _nothing
        """Called with the code of a SystemExit that its program has raised."""
        self.kept: list[Handle] = []
        """Callbacks that were not run. A dead process keeps them so that nothing that they hold is freed."""
        self.tasks: list[Task[Any]] = []
        """Those that a crash left unfinished, for the same reason."""
        self._clock_start = clock_start
        self._clock_rate = clock_rate
        self._context = Context()
        self._context.run(PROCESS.set, self)
        self._context.run(SOURCE.set, entropy)

    def context(self) -> Context:
        """A context in which something of this process may run."""
        return self._context.copy()

    def clock(self, seconds: float) -> float:
        """What its clock shows at a time of the simulation."""
        return self._clock_start + seconds * self._clock_rate

    def seconds(self, clock: float) -> float:
        """The time of the simulation at which its clock shows this."""
        return (clock - self._clock_start) / self._clock_rate


PROCESS: Final[ContextVar[Process | None]] = ContextVar("casty_simulated_process", default=None)
"""Whose code is running; None is the scenario, or the network."""


def _nothing(_: object) -> None:
    """Until a host says what to do."""
