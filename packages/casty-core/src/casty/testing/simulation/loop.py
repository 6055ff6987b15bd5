"""The event loop of a simulation.

Theory of operation: time is a number. The loop runs one ready callback after the other, chosen by the seed; each
takes a microsecond. If none is ready, time jumps to the next timer. A callback's context identifies its process:
callbacks of a paused process wait, those of a dead one never run. So a run depends on its seed alone, as long as
no code uses the machine's time, random numbers, threads or sockets.
"""

import asyncio
import gc
import threading
from asyncio import Handle, TimerHandle
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any, Final, override

from casty.testing.simulation.failures import SimulationFailedError
from casty.testing.simulation.invariants import Invariants
from casty.testing.simulation.process import PROCESS, Process
from casty.testing.simulation.refusals import refuse
from casty.testing.simulation.settings import Settings
from casty.testing.simulation.trace import NANOSECONDS, Trace

STEP: Final = 1_000
"""Nanoseconds that a callback takes, so that time passes even while a process never rests."""
COLLECTION: Final = 100_000
"""Steps between two garbage collections, which happen at no other time; see `isolation`."""
CANCELLED: Final = 100
"""Number of cancelled timers in the heap at which it is rebuilt."""


class SimulatedTask[T](asyncio.Task[T]):
    """A task whose hash is its number, so that sets of tasks have the same order in each run."""

    def __init__(self, coro: Coroutine[Any, Any, T], number: int, **options: Any) -> None:
        self._number = number
        super().__init__(coro, **options)

    @override
    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


class SimulatedLoop(asyncio.BaseEventLoop):
    """The event loop of a simulation; see above. It inherits everything else from `asyncio.BaseEventLoop`."""

    _ready: list[Handle]
    _closed: bool
    _stopping: bool
    _thread_id: int | None

    def __init__(self, random: Random, trace: Trace, invariants: Invariants, settings: Settings) -> None:
        super().__init__()
        self._ready = []
        self.steps = 0
        self.now = 0
        """Nanoseconds since the start."""
        self._random = random.random
        self._trace = trace
        self._invariants = invariants
        self._steps_left = settings.steps
        self._last = round(settings.seconds * NANOSECONDS)
        self._in_order = settings.in_order
        self._timers: list[tuple[int, int, TimerHandle]] = []
        """A heap by time, then by the order of scheduling."""
        self._planned = 0
        self._cancelled = 0
        self._tasks = 0
        self._failure: BaseException | None = None
        self._dead: list[Process] = []
        """Dead processes, with all their objects: none may be freed before the run is over."""
        self.set_debug(False)
        self.set_exception_handler(self._unhandled)
        refuse(self)

    def seconds(self) -> float:
        """The time of the simulation."""
        return self.now / NANOSECONDS

    @override
    def time(self) -> float:
        """The clock of the calling process."""
        process = PROCESS.get()
        return self.now / NANOSECONDS if process is None else process.clock(self.now / NANOSECONDS)

    @override
    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        process = PROCESS.get()
        timer = TimerHandle(when, callback, args, self, context)
        self._plan(when if process is None else process.seconds(when), timer)
        return timer

    def carry(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Call it after a delay, on behalf of no process: for the network and the disks, which are never paused."""
        when = self.now / NANOSECONDS + delay
        self._plan(when, TimerHandle(when, callback, args, self, Context()))

    def hand_over(self, process: Process, callback: Callable[..., object], *args: Any) -> None:
        """Let a process call it soon, if it is alive."""
        self.call_soon(callback, *args, context=process.context())

    @override
    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Handle:
        """Like `call_soon`; accepted from the simulation's own thread only."""
        if self._thread_id is not None and threading.get_ident() != self._thread_id:
            raise RuntimeError("a simulation takes nothing from other threads: they come and go as they like")
        return self.call_soon(callback, *args, context=context)

    @override
    def create_task[T](self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        self._tasks += 1
        return SimulatedTask(coro, self._tasks, loop=self, **options)

    def fail(self, error: BaseException) -> None:
        """End the run with this error; the first error counts."""
        self._failure = self._failure or error

    def raise_failure(self) -> None:
        """Raise the error that ends the run, if there is one."""
        if self._failure is not None:
            raise self._failure

    def record(self, text: str, host: str = "") -> None:
        self._trace.record(self.now, host, text)

    def resume(self, process: Process) -> None:
        """Make the deferred callbacks of a process ready again."""
        kept, process.kept = process.kept, []
        self._ready.extend(kept)

    def discard(self, process: Process) -> None:
        """Never run this process again."""
        process.halted = process.dead = True
        self._dead.append(process)
        process.tasks = [task for task in asyncio.all_tasks(self) if task.get_context().get(PROCESS) is process]

    @override
    def close(self) -> None:
        super().close()
        self._timers.clear()
        self._dead.clear()

    def _plan(self, seconds: float, handle: TimerHandle) -> None:
        handle._scheduled = True
        self._planned += 1
        heappush(self._timers, (max(self.now, round(seconds * NANOSECONDS)), self._planned, handle))

    def _run_once(self) -> None:
        self._fall_due()
        if not self._ready:
            raise SimulationFailedError(
                "standstill: no callback is ready and no timer is pending, so nothing will ever happen again"
            )
        number = len(self._ready)
        handle = self._take_in_order() if self._in_order else self._take_any(number)
        if handle._cancelled:
            return
        process = handle._context.get(PROCESS)
        if process is not None and process.halted:
            process.kept.append(handle)
            return
        self.steps += 1
        self.now += STEP
        self._trace.step(self.now, 0 if process is None else process.number, number)
        try:
            handle._run()
        except SystemExit as end:
            if process is None:
                raise
            process.exit(end.code)
        if self._invariants.due:
            self._invariants.check()
        if not self.steps % COLLECTION:
            gc.collect()
        self.raise_failure()
        if self.now > self._last or self.steps > self._steps_left:
            raise SimulationFailedError(
                f"no end: the scenario still runs after {self.seconds():,.0f} virtual seconds and {self.steps:,} "
                "steps; if it needs more, give it more: Settings(seconds=…, steps=…)"
            )

    def _fall_due(self) -> None:
        """Make due timers ready; if nothing is ready, time jumps to the next one."""
        timers, ready = self._timers, self._ready
        while timers and (timers[0][0] <= self.now or not ready):
            due, _, handle = heappop(timers)
            handle._scheduled = False
            if handle._cancelled:
                self._cancelled -= 1
            else:
                self.now = max(self.now, due)
                ready.append(handle)

    def _take_any(self, number: int) -> Handle:
        ready = self._ready
        if number > 1:
            chosen = int(self._random() * number)
            ready[chosen], ready[-1] = ready[-1], ready[chosen]
        return ready.pop()

    def _take_in_order(self) -> Handle:
        """The oldest callback of a process that is chosen at random."""
        ready = self._ready
        process = ready[int(self._random() * len(ready))]._context.get(PROCESS)
        oldest = next(n for n, handle in enumerate(ready) if handle._context.get(PROCESS) is process)
        return ready.pop(oldest)

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        self._cancelled += handle._scheduled
        if self._cancelled > CANCELLED and self._cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2]._cancelled]
            heapify(self._timers)
            self._cancelled = 0

    def _unhandled(self, _: asyncio.AbstractEventLoop, report: dict[str, Any]) -> None:
        """Fail the run on an unhandled error, unless its process is dead."""
        process = PROCESS.get()
        if self._closed or (process is not None and process.dead):
            return
        where = "the scenario" if process is None else f"host {process.host!r}"
        failure = SimulationFailedError(f"an unhandled error of {where}: {report['message']}")
        failure.__cause__ = report.get("exception")
        self.fail(failure)
