"""Running a program on the fastest event loop that is installed."""

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from casty.errors import ArgumentError


def run[T](main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a program as `asyncio.run(main())` does, on uvloop if that is installed: `pip install "casty[uvloop]"`."""
    if not asyncio.iscoroutine(main):
        raise ArgumentError(f"casty.run takes the coroutine of the program, as in casty.run(main()), not {main!r}")
    with asyncio.Runner(debug=debug, loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop; None stands for asyncio's own."""
    try:
        return import_module("uvloop").new_event_loop
    except ModuleNotFoundError as error:
        if error.name != "uvloop":
            raise
        return None
