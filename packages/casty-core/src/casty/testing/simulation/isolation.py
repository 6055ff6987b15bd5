"""Keeps a run from what was before it, and what comes after it from the run."""

import gc
import logging
import random
import sys
import warnings
from asyncio import Task, all_tasks
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

from casty.output_commit import OPEN
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.trace import LogIntoTrace

TRIES: Final = 100
"""Times that a coroutine may catch its own end, or await something in its `finally`."""


@contextmanager
def isolated(seed: int, remark: Callable[[str], object]) -> Generator[None]:
    """For the length of a run: nothing is freed at times that depend on what the process has done before, the module
    `random` is seeded, and warnings that are logged are handed to `remark`.
    """
    collects, state, outboxes = gc.isenabled(), random.getstate(), set(OPEN)
    handler = LogIntoTrace(remark)
    gc.disable()
    gc.freeze()  # garbage of before stays where it is, and costs the run's own collections nothing
    random.seed(seed)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        random.setstate(state)
        # Those of crashed hosts were never released, and slow down everybody who sends.
        OPEN.intersection_update(outboxes)
        gc.unfreeze()
        if collects:
            gc.enable()


def clear_away(loop: SimulatedLoop) -> None:
    """End what a run has left, silently: hosts that still ran, and what was kept of those that had crashed.

    Python runs their `finally` blocks now. The loop is closed, so that nothing can come of it.
    """
    unraisable, sys.unraisablehook = sys.unraisablehook, _ignored
    logged = logging.root.manager.disable
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            left = all_tasks(loop)
            loop.close()
            for task in left:
                _end(task)
            left.clear()
            del left
            gc.collect()
    finally:
        logging.disable(logged)
        sys.unraisablehook = unraisable


def _end(task: Task[Any]) -> None:
    task._log_destroy_pending = False  # pyright: ignore[reportAttributeAccessIssue]
    coroutine: Any = task.get_coro()
    for _ in range(TRIES):
        # Whatever it says, nobody is there any more to be told.
        with suppress(BaseException):
            task.get_context().run(coroutine.close)
            return


def _ignored(_: object) -> None:
    """Errors of what is cleared away are nobody's."""
