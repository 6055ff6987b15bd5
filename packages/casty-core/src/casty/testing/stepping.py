"""Runs a coroutine that never suspends without an event loop."""

import asyncio
import linecache
import traceback
from collections.abc import Awaitable
from pathlib import Path
from types import FrameType
from typing import Final

from casty.runtime.frames import awaited_frames, innermost

ASYNCIO: Final = f"{Path(asyncio.__file__).parent}/"
HINT: Final = (
    "BehaviorTestKit has no event loop; test this in an ActorSystem with a TestProbe, and with manual_time() if "
    "time has to pass"
)


def step_through[T](awaitable: Awaitable[T], what: str) -> T:
    """The result of an awaitable that never suspends. Raises AssertionError, naming `what`, if it does, or if it calls
    something that needs an event loop.
    """
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    except RuntimeError as error:
        if (call := _call_of_asyncio(error)) is not None:
            raise AssertionError(f"{what} {call}. {HINT}") from error
        raise
    where = _where(awaitable)
    if (close := getattr(steps, "close", None)) is not None:
        close()
    raise AssertionError(f"{what} waits for something that is not ready{where}. {HINT}")


def _where(awaitable: object) -> str:
    frames = list(awaited_frames(awaitable))
    return _at(innermost(frames), None) if frames else ""


def _call_of_asyncio(error: RuntimeError) -> str | None:
    """The call that needed an event loop, and its place; None for an error of another kind."""
    called = list(traceback.walk_tb(error.__traceback__))
    inside = next((n for n, (frame, _) in enumerate(called) if frame.f_code.co_filename.startswith(ASYNCIO)), None)
    if inside is None:
        return f"needs an event loop{_at(*called[-1])}" if "event loop" in str(error) else None
    function = called[inside][0].f_code.co_qualname
    return f"calls {function} of asyncio, which needs an event loop,{_at(*called[inside - 1])}"


def _at(frame: FrameType, number: int | None) -> str:
    """The file, the line number and the line."""
    filename, number = frame.f_code.co_filename, frame.f_lineno if number is None else number
    text = linecache.getline(filename, number or 0).strip()
    return f" at {filename}:{number}" + (f" ({text})" if text else "")
