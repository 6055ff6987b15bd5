"""Output commit as senders see it: is there a command in flight that holds back what is sent here and now?

A command's output belongs to the command, not to the event loop: it travels in a context variable, so that a handler
may suspend while other actors run, and so that a task the handler starts is held back with it. `persistence` keeps it.
"""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, Final, Protocol


class Output(Protocol):
    """What one command sends until its events are durable."""

    undecided: bool
    """Whether the command's handler still runs."""

    async def predecessors(self) -> None:
        """Wait until the events of every earlier command of the same actor are durable."""
        ...

    def hold(self, deliver: Callable[[Any], object], message: Any) -> None:
        """Call `deliver(message)` when the events of the command are durable, and never if they cannot be stored."""
        ...

    def undo_with(self, undo: Callable[[Any], object], what: Any) -> None:
        """Call `undo(what)` if the command turns out not to have happened."""
        ...


OPEN: Final[set[Output]] = set()
"""The output of every command in flight: while there is none, no sender needs to look at the context variable."""

CURRENT: Final[ContextVar[Output | None]] = ContextVar("casty_outbox", default=None)
"""That of the command on whose behalf the running code acts."""


def current() -> Output | None:
    """What holds back what is sent here and now, if any."""
    output = CURRENT.get()
    return output if output in OPEN else None


def outside[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function on behalf of no command: what it sends and spawns depends on none."""
    context = copy_context()
    context.run(CURRENT.set, None)
    return context.run(function, *args, **kwargs)
