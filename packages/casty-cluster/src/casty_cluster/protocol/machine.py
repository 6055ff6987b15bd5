"""The contract of all machines of this room: an input and the time go in, effects come out.

A machine has no clock, socket, task or source of chance of its own, so that a test or a simulation can be all of these.
A `node.driver.Driver` runs it; the shell around the driver carries out the effects and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tick:
    """The machine's deadline has come. A tick before the deadline changes nothing."""


class Machine[Input, Effect](Protocol):
    """`Input` and `Effect` are unions of frozen values; every machine also takes `Tick`."""

    def handle(self, given: Input | Tick, now: float) -> Sequence[Effect]:
        """Return what is to be done, in this order. An input that does not fit the machine's state changes nothing.

        `now` is in seconds of any monotonic clock, and never goes back.
        """
        ...

    def next_deadline(self) -> float | None:
        """When the next `Tick` is due; None if the machine waits for inputs only."""
        ...

    def validate(self) -> None:
        """Raise AssertionError where an invariant of the machine is broken."""
        ...
