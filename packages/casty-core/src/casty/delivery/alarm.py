"""The deadline of a machine as a timer of its actor."""

from dataclasses import dataclass
from typing import Any, Final

from casty.behaviors.context import ActorContext
from casty.extension import Internal

_TIMER: Final = "due"
_ROUNDING: Final = 1e-6
"""Seconds: a timer that fires a rounding error before the deadline would be set again and again."""


@dataclass(frozen=True, slots=True)
class Due(Internal):
    """The deadline has come."""


class Alarm:
    """Tells the actor `Due` when the deadline has come that was set last."""

    def __init__(self, ctx: ActorContext[Any]) -> None:
        self._ctx = ctx
        self._deadline: float | None = None

    def went_off(self) -> None:
        """The actor has received `Due`."""
        self._deadline = None

    def set(self, deadline: float | None) -> None:
        """None: there is no deadline."""
        if deadline == self._deadline:
            return
        self._deadline = deadline
        if deadline is None:
            self._ctx.timers.cancel(_TIMER)
        else:
            self._ctx.timers.start(_TIMER, Due(), after=max(0.0, deadline - self._ctx.time()) + _ROUNDING)
