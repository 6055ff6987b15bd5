"""What an actor is doing at this moment, read from the frames that run it: nothing is recorded on the way, and an actor
that is not looked at pays nothing.
"""

from asyncio import Task
from dataclasses import dataclass
from types import FrameType
from typing import override

from casty.messages import kind_of
from casty.runtime.cell import Cell
from casty.runtime.signals import Become, Fail, Restart, Signal, Start, Stop, Unstash


@dataclass(frozen=True, slots=True)
class Doing:
    """One thing that an actor does."""

    cell: Cell
    what: str
    """The type of the message, or a step of the actor's life in parentheses."""
    message: int
    """Its identity: a reference would keep the message alive."""
    count: int
    """How many messages its driver has handled before this one, in this run of the cell."""


class DriverTask(Task[None]):
    """The task of a driver. Its name says what it runs; it is made when it is read."""

    __slots__ = ("cell",)

    cell: Cell
    """The actor that it runs, or has run last."""

    @override
    def get_name(self) -> str:
        doing = doing_of(self)
        return super().get_name() if doing is None else f"casty:{doing.cell.path} {doing.what}"


def doing_of(task: Task[None]) -> Doing | None:
    """What a driver task runs; None if it has ended."""
    if task.done():
        return None  # before Python 3.12.2 an eager task that has ended crashes the interpreter at `get_coro`
    frame: FrameType | None = getattr(task.get_coro(), "cr_frame", None)
    return None if frame is None else doing_in(frame)


def doing_in(frame: FrameType) -> Doing | None:
    """What the frame runs, if it is one of those that run a cell."""
    match frame.f_code.co_qualname:
        case "Dispatcher._drive":
            values = frame.f_locals
            cell, message = values.get("cell"), values.get("message")
            if not isinstance(cell, Cell):
                return None
            attending = None if cell.extras is None else cell.extras.attending
            what = kind_of(message).__qualname__ if attending is None else f"({step(cell, attending)})"
            return Doing(cell, what, id(message), values.get("count", 0))
        case "_pipe":
            cell = frame.f_locals.get("cell")
            return Doing(cell, "(pipe_to_self)", id(frame), 0) if isinstance(cell, Cell) else None
        case _:
            return None


def step(cell: Cell, signal: Signal) -> str:
    """The step of an actor's life that a signal leads to."""
    match signal:
        case Start() | Become():
            return "recovering" if cell.extras is not None and cell.extras.event_sourced else "starting"
        case Stop():
            return "stopping"
        case Restart():
            return "restarting"
        case Fail():
            return "failing"
        case Unstash():
            return "unstashing"
