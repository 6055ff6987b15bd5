"""Where a suspended task stands: its frames, and the line of the user's that a log should name."""

import asyncio
import traceback
from asyncio import Task
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CoroutineType, FrameType
from typing import Any, Final

FOREIGN: Final = (f"{Path(asyncio.__file__).parent}/", f"{Path(__file__).parents[1]}/")
"""Code that a line in a log should not point to while there is a user's line above it."""


def frames_of(task: Task[Any]) -> Iterator[FrameType]:
    """The frames of a suspended task, outermost first, down to the await that it waits in."""
    return awaited_frames(None if task.done() else task.get_coro())


def awaited_frames(awaited: object) -> Iterator[FrameType]:
    """The frames of a suspended coroutine and of those that it awaits."""
    # Down to a future, or to something that hides what it awaits, such as an async generator.
    while isinstance(awaited, CoroutineType):
        frame: FrameType | None = awaited.cr_frame
        if frame is not None:
            yield frame
        awaited = awaited.cr_await


def stack(frames: Iterable[FrameType]) -> str:
    """The frames as a traceback shows them."""
    return "".join(traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames).format())


def line(frames: Iterable[FrameType]) -> str:
    """Where that is: the innermost line that is the user's, or else the innermost one."""
    at = innermost(list(frames))
    return f"{at.f_code.co_filename}:{at.f_lineno} in {at.f_code.co_qualname}"


def innermost(frames: Sequence[FrameType]) -> FrameType:
    """The innermost frame that runs the user's code, or else the innermost one."""
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(FOREIGN)]
    return (own or frames)[-1]
