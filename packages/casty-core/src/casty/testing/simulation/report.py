"""The report of a failed run: how to run it again, its last events, the faults, and the waiting tasks."""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any, Final

from casty.testing.simulation.loop import SimulatedLoop
from casty.testing.simulation.process import PROCESS
from casty.testing.simulation.trace import Trace

SEED: Final = "CASTY_SIM_SEED"
"""The environment variable that names the one seed to run."""
TASKS: Final = 20
"""Number of waiting tasks shown per host."""


def report(seed: int, trace: Trace, loop: SimulatedLoop) -> str:
    """Format a note for the error that ended the run."""
    parts = [
        f"seed {seed}, after {loop.seconds():,.6f} virtual seconds and {loop.steps:,} steps; trace {trace.digest()}",
        f"run it again: {_command(seed)}",
        _listing("faults", trace.faults),
        _listing(f"the last {len(trace.events)} events", trace.events),
        _listing("waiting tasks", waiting(loop)),
    ]
    return "\n".join(parts)


def waiting(loop: SimulatedLoop) -> list[str]:
    """The unfinished tasks of each live process, and their positions."""
    hosts: dict[str, list[str]] = {}
    for task in asyncio.all_tasks(loop):
        process = task.get_context().get(PROCESS)
        if process is None or not process.dead:
            hosts.setdefault("" if process is None else process.host, []).append(_place(task))
    lines: list[str] = []
    for host, places in sorted(hosts.items()):
        lines += [f"{host or '(scenario)'}: {place}" for place in sorted(places)[:TASKS]]
        if len(places) > TASKS:
            lines.append(f"{host or '(scenario)'}: and {len(places) - TASKS} more")
    return lines


def _place(task: asyncio.Task[Any]) -> str:
    coroutine: Any = task.get_coro()
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    while getattr(inner := getattr(coroutine, "cr_await", None), "cr_frame", None) is not None:
        coroutine = inner
    frame = getattr(coroutine, "cr_frame", None)
    return name if frame is None else f"{name} at {_shown(frame.f_code.co_filename)}:{frame.f_lineno}"


def _shown(path: str) -> str:
    """The path relative to the working directory, or only the file name if it is elsewhere."""
    shown = os.path.relpath(path)
    return os.path.basename(path) if shown.startswith(os.pardir) else shown


def _command(seed: int) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST")
    program = ["pytest", test.rpartition(" ")[0]] if test else ["python", *sys.argv]
    return f"{SEED}={seed} {shlex.join(program)}"


def _listing(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in lines)]) if lines else f"{title}: none"
