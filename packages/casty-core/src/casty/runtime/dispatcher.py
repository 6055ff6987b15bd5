"""Runs the handlers of ready cells on the event loop.

One asyncio Task, a driver, awaits the handlers of many cells in a row: a handler that does not suspend costs one `await` and no
Task. The first handler that really suspends keeps that driver as its own Task, so that `asyncio.current_task`, `asyncio.timeout`
and cancellation are exact, and the dispatcher starts another driver for the cells behind it. Each driver carries the generation
under which it was started: once that has passed, it finishes its cell and ends.
"""

import asyncio
import time
from asyncio import CancelledError, Task
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, cast

from casty.behaviors.values import SAME, ReceiveBehavior
from casty.runtime.cell import IDLE, SCHEDULED, SIGNALLED, Cell
from casty.runtime.context import open_context
from casty.runtime.lifecycle import attend, follow
from casty.runtime.mailbox import reading
from casty.runtime.signals import Fail, Stop

if TYPE_CHECKING:
    from casty.runtime.kernel import Kernel

BUDGET: Final = 256
"""Messages that a cell may handle before others have their turn."""
SLICE: Final = 0.0005
"""Seconds that a dispatch may hold the event loop before timers and sockets have theirs."""
BREATH: Final = 0.00004
"""Seconds for which a saturated loop lets go of the interpreter, so that a journal's thread gets it at all."""
ALONE: Final = -1
"""The generation of a driver that runs a single cell."""
INLINE_ASKS: Final = 64
"""Asks answered in place before the event loop has its turn."""
INLINE_DEPTH: Final = 8
"""Asks answered in place within one another."""
CELL_COST: Final = 8
"""What visiting a cell costs, in messages."""


class Dispatcher:
    """The run queue of one actor system."""

    def __init__(self, kernel: "Kernel", loop: asyncio.AbstractEventLoop) -> None:
        self.kernel = kernel
        self.loop = loop
        self.ready: deque[Cell] = deque()
        self.armed = False
        self.suspended: set[Cell] = set()
        """Cells whose handler, or start or stop, awaits something."""
        self._variables: Context = copy_context()
        self._generation = 0
        self._current: Cell | None = None
        self._deadline = 0.0
        self._inline_left = INLINE_ASKS
        self._inline_depth = 0

    def enqueue(self, cell: Cell) -> None:
        self.ready.append(cell)
        if not self.armed:
            self.arm()

    def arm(self) -> None:
        self.armed = True
        self.loop.call_soon(self._dispatch, context=self._variables)

    def run_inline(self, cell: Cell) -> bool:
        """Run a ready cell that is in no queue at once, or say that it has to wait for its turn."""
        if self._inline_left <= 0 or self._inline_depth >= INLINE_DEPTH:
            return False
        self._inline_left -= 1
        self._run_alone(cell)
        return True

    def refill_inline(self) -> None:
        """The event loop has had its turn."""
        self._inline_left = INLINE_ASKS

    def _dispatch(self) -> None:
        ready = self.ready
        self._deadline = perf_counter() + SLICE
        self._inline_left = INLINE_ASKS
        try:
            while ready:
                task = self._start(self._drive(ready, self._generation), self._variables.copy())
                # From here on a driver that has suspended knows that it is no driver any more.
                self._generation += 1
                if not task.done() and self._current is not None:
                    self._hold(self._current, task)
                if perf_counter() > self._deadline:
                    break
        finally:
            if ready:
                self.arm()
                if self.kernel.threads_wait():
                    time.sleep(BREATH)  # why: a loop that never idles starves threads of the interpreter lock
            else:
                self.armed = False

    def _run_alone(self, cell: Cell) -> None:
        before = self._current
        self._inline_depth += 1
        try:
            task = self._start(self._drive(deque((cell,)), ALONE), cell.variables or self._variables.copy())
        finally:
            self._inline_depth -= 1
            self._current = before
        if not task.done():
            self._hold(cell, task)

    def _start(self, driver: Coroutine[Any, Any, None], variables: Context) -> Task[None]:
        task = Task(driver, loop=self.loop, context=variables, eager_start=True)
        if task.done() and not task.cancelled():
            task.result()
        return task

    def _hold(self, cell: Cell, task: Task[None]) -> None:
        cell.task = task
        self.suspended.add(cell)

    # long: this is the one hot loop, and every call taken out of it would cost each message.
    async def _drive(self, ready: deque[Cell], generation: int) -> None:
        me = cast("Task[None]", asyncio.current_task())
        high_water = self.kernel.high_water
        spent = 0
        while ready:
            cell = ready.popleft()
            if cell.variables is not None and generation != ALONE:
                self._run_alone(cell)
                spent += BUDGET // CELL_COST
                continue
            self._current = cell
            count = 0
            message = None
            try:
                if cell.state == SIGNALLED:
                    await attend(cell)
                handler, context = cell.handler, cell.context or open_context(cell)
                while cell.state == SCHEDULED and count < BUDGET:
                    batch = cell.batch
                    if batch is None:
                        waiting = cell.queue
                        if not waiting:
                            cell.state = IDLE
                            cell.queue = None
                            break
                        cell.queue = []
                        batch = cell.batch = iter(waiting)
                        if len(waiting) > high_water or cell.admission is not None:
                            reading(cell, len(waiting))
                    for message in batch:
                        following = await handler(context, message)
                        if following is not SAME:
                            if type(following) is ReceiveBehavior and not cell.intercepted:
                                handler = cell.handler = following.handler
                            else:
                                follow(cell, following, message)
                                handler = cell.handler
                        count += 1
                        if count == BUDGET or cell.state != SCHEDULED:
                            break
                    else:
                        # A mailbox that drops its oldest message may have begun another batch meanwhile.
                        if cell.batch is batch:
                            cell.batch = None
            except Exception as error:
                cell.signal(Fail(error, message))
            except CancelledError as error:
                self._cancelled(me, cell, error, message)
            if cell.state == SCHEDULED or cell.state == SIGNALLED:
                self.ready.append(cell)
            if cell.task is not None:
                cell.task = None
                self.suspended.discard(cell)
            variables = copy_context()
            if variables != self._variables:
                cell.variables = variables
                break
            if generation != self._generation or me.cancelling():
                break
            spent += count + CELL_COST
            if spent >= BUDGET:
                spent = 0
                if perf_counter() > self._deadline:
                    break
        if self.ready and not self.armed:
            self.arm()

    def _cancelled(self, me: Task[None], cell: Cell, error: CancelledError, message: object) -> None:
        """A handler ended in cancellation: its own failure, the end of our patience with it, or the end of the program."""
        if cell.life is not None and cell.life.overdue:
            cell.life.overdue = False
            me.uncancel()
        elif me.cancelling():
            cell.signal(Stop())
        else:
            cell.signal(Fail(error, message))
