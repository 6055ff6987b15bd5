"""Isolates a run from earlier and later code of its process."""

import gc
import logging
import random
import sys
import warnings
from asyncio import Task, all_tasks
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any, Final

from casty.output_commit import OPEN
from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.trace import LogIntoTrace

TRIES: Final = 100
"""How often a coroutine may catch its own end, or await something in its `finally`."""


@contextmanager
def collected() -> Generator[None]:
    """For the duration of a run: garbage is not collected at times that depend on earlier code. At the end the run's
    own is, so that the memory of a thousand runs is that of one: enter this where nothing of the run has been made yet.
    """
    collects = gc.isenabled()
    gc.disable()
    gc.freeze()  # older objects stay where they are, and cost the run's own collections nothing
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        if collects:
            gc.enable()


@contextmanager
def isolated(seed: int, remark: Callable[[str], object]) -> Generator[None]:
    """For the duration of a run: the module `random` is seeded, and logged warnings are passed to `remark`."""
    state, outboxes = random.getstate(), set(OPEN)
    handler = LogIntoTrace(remark)
    random.seed(seed)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        random.setstate(state)
        # Outputs of crashed hosts were never released, and would slow down every send.
        OPEN.intersection_update(outboxes)


def clear_away(loop: SimulatedLoop) -> None:
    """End the remains of a run silently: hosts that were still running, and tasks kept from crashed ones.

    Python runs their `finally` blocks now. The loop is closed, so these have no effect.
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
    if getcoroutinestate(coroutine) == CORO_CREATED:
        # To close it would keep its arguments, among them coroutines that nothing will ever await.
        with suppress(BaseException):
            coroutine.throw(GeneratorExit)
    for _ in range(TRIES):
        # Its errors concern no code any more.
        with suppress(BaseException):
            task.get_context().run(coroutine.close)
            return


def _ignored(_: object) -> None:
    """Ignore errors of the remains."""
