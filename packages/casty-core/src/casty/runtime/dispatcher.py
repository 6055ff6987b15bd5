"""Runs the handlers of ready cells on the event loop.

One asyncio Task, a driver, awaits the handlers of many cells in a row: a handler that does not suspend costs one
`await` and no Task. The first handler that really suspends keeps that driver as its own Task, so that
`asyncio.current_task`, `asyncio.timeout` and cancellation are exact, and the dispatcher starts another driver for the
cells behind it. Each driver carries the generation under which it was started: once that has passed, it finishes its
cell and ends.
"""

import asyncio
import logging
import time
from asyncio import CancelledError, Task, current_task
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from itertools import chain
from threading import get_ident
from typing import Any, Final, cast, override

from casty import entropy
from casty.behaviors.values import ReceiveBehavior
from casty.config import SystemConfig
from casty.interruption import described, raise_unless_failure
from casty.runtime.cell import IDLE, SCHEDULED, SIGNALLED, Cell, RunQueue
from casty.runtime.context import open_context
from casty.runtime.doing import DriverTask
from casty.runtime.lifecycle import attend, follow
from casty.runtime.patrol import Patrol
from casty.runtime.services import Services
from casty.runtime.signals import Fail, Stop
from casty.runtime.slices import Draining
from casty.runtime.threads import check_thread
from casty.runtime.variables import Baseline

logger = logging.getLogger("casty")

BUDGET: Final = 256
"""Messages that a cell may handle before others have their turn."""
SLICE: Final = 0.0005
"""Seconds that a dispatch may hold the event loop before timers and sockets have theirs."""
BREATH: Final = 0.00004
"""Seconds for which a saturated loop releases the interpreter, so that the thread of a journal gets it at all."""
SHORT_SLICE: Final = 0.00015
"""The slice as long as such a thread waits: it needs the interpreter, and the loop, several times for a commit."""
ALONE: Final = -1
"""The generation of a driver that runs a single cell."""
RECEIVE: Final[Any] = ReceiveBehavior
NO_OTHERS: Final[deque[Cell]] = deque()
"""The cells behind that one."""
NO_CELL: Final = cast("Cell", None)
"""Stands where no cell is being run, and is not read then."""
INLINE_ASKS: Final = 64
"""Asks that run inline before the event loop has its turn."""
HUGE: Final = 50_000
"""Messages that are not freed all at once when the last of them has been handled."""
CELL_COST: Final = 8
"""What visiting a cell costs, in messages."""


class Abandoned(BaseException):
    """Ends a driver whose actor has gone on without it."""


class Dispatcher(RunQueue):
    """The run queue of one actor system. `threads_wait` tells whether a thread of ours needs the interpreter."""

    def __init__(
        self,
        services: Services,
        loop: asyncio.AbstractEventLoop,
        settings: SystemConfig,
        threads_wait: Callable[[], bool],
    ) -> None:
        self.services = services
        self.loop = loop
        self.threads_wait = threads_wait
        self.thread = get_ident()
        self.ready: deque[Cell] = deque()
        self._busy: deque[Cell] = deque()
        """Cells that had more messages than their budget: they come after those that had not, so that a few that are
        flooded do not make all cells wait.
        """
        self.armed = False
        self.patrol = Patrol(services, loop, settings)
        self.abandoned: set[Task[None]] = set()
        """Drivers whose actor has been taken from them, as its handler could not be ended."""
        self._variables = copy_context()
        self._baseline = Baseline(self._variables)
        self._stopwatch = entropy.source().stopwatch
        self._generation = 0
        self._high_water = settings.high_water
        self._current = NO_CELL
        """The cell being run, once there has been any."""
        self._slice = SLICE
        self._deadline = 0.0
        self.inline_left = INLINE_ASKS

    @override
    def enqueue(self, cell: Cell) -> None:
        if not self.armed:
            self.arm()
        self.ready.append(cell)

    @override
    def arm(self) -> None:
        # Before any change of state: it raises in another thread, where the message would wait until something else
        # wakes the loop, and where the loop is closed.
        check_thread(self.thread)
        self.loop.call_soon(self._dispatch, context=self._variables)
        self.armed = True

    def refill_inline(self) -> None:
        """The event loop has had its turn."""
        self.inline_left = INLINE_ASKS

    def _dispatch(self) -> None:
        ready, busy, variables = self.ready, self._busy, self._variables
        self._deadline = self._stopwatch() + self._slice
        self._slice = SLICE
        self.inline_left = INLINE_ASKS
        if busy:
            ready.append(busy.popleft())  # one has its turn, however many others there are
        try:
            while ready or busy:
                driver = self._drive((ready or busy).popleft(), ready, self._generation)
                task = DriverTask(driver, loop=self.loop, context=variables.copy(), eager_start=True)
                # From here on a driver that has suspended knows that it is no driver any more.
                self._generation += 1
                if not task.done():
                    self._hold(self._current, task)
                if self._stopwatch() > self._deadline:
                    break
        finally:
            self._current = NO_CELL  # else a stopped actor is kept until another one runs
            if ready or busy:
                self.arm()
                if self.threads_wait():
                    self._slice = SHORT_SLICE
                    time.sleep(BREATH)  # why: a loop that never idles starves threads of the interpreter lock
            else:
                self.armed = False

    def run_with(self, cell: Cell, message: Any) -> None:
        """Run an idle cell for an ask: inline if the inline budget allows, else in its turn."""
        inline = self.inline_left > 0
        if not inline:
            self.enqueue(cell)
        cell.state = SCHEDULED
        cell.queue = [message]
        if inline:
            self.run_alone(cell)

    def run_alone(self, cell: Cell) -> None:
        """Run a scheduled cell that is in no queue at once, in a task of its own."""
        before, left = self._current, self.inline_left
        # Each level of nesting has half of what is left to the one around it, which bounds the depth as well.
        self.inline_left = left >> 1
        try:
            driver = self._drive(cell, NO_OTHERS, ALONE)
            variables = self._variables.copy() if cell.variables is None else cell.variables
            task = DriverTask(driver, loop=self.loop, context=variables, eager_start=True)
        finally:
            self.inline_left = left - 1
            self._current = before
        if not task.done():
            self._hold(cell, task)

    @override
    def pause(self, cell: Cell) -> None:
        self.patrol.pause(cell)

    @override
    def crowded(self, cell: Cell, callers: int, capacity: int) -> None:
        self.patrol.high_water.crowded(cell, callers, capacity)

    @override
    def abandon(self, cell: Cell) -> None:
        task = cell.task
        if task is not None:
            self.abandoned.add(task)
            task.add_done_callback(self.abandoned.discard)
            self._let_go(cell)
            self.enqueue(cell)

    @override
    def check_abandoned(self) -> None:
        if self.abandoned and current_task() in self.abandoned:
            raise Abandoned

    def occupied(self) -> Iterator[Cell]:
        """The cells that have something to do, those first that have been at it for longest."""
        return chain(self.patrol.suspended, self.patrol.paused(), self.ready, self._busy)

    def close(self) -> None:
        """Every cell has stopped."""
        self.patrol.close()

    def _hold(self, cell: Cell, task: Task[None]) -> None:
        cell.task = task
        self.patrol.hold(cell)

    def _let_go(self, cell: Cell) -> None:
        cell.task = None
        self.patrol.let_go(cell)

    # long: this is the one hot loop, and every call taken out of it would cost each message.
    async def _drive(self, cell: Cell, others: deque[Cell], generation: int) -> None:
        me: Any = current_task()
        high_water = self._high_water
        spent = 0
        while True:
            if cell.variables is not None and generation != ALONE:
                self.run_alone(cell)
                if not others:
                    return
                cell = others.popleft()
                continue
            self._current = me.cell = cell
            count = 0
            message = None
            try:
                if cell.state == SIGNALLED:
                    await attend(cell)
                handler: Any = cell.handler
                unchanged = cell.unchanged
                context = cell.context or open_context(cell)
                while cell.state == SCHEDULED and count < BUDGET:
                    batch = cell.batch
                    if batch is None:
                        # Never a local name for the queue: it would keep messages alive that have been handled.
                        if not cell.queue:
                            cell.state = IDLE
                            cell.queue = None
                            break
                        size = len(cell.queue)
                        batch = (
                            iter(cell.queue) if size < HUGE or type(cell.queue) is not list else Draining(cell.queue)
                        )
                        cell.batch = batch
                        cell.queue = []
                        if size > high_water or cell.admission is not None:
                            self._read(cell, size)
                    for message in batch:
                        following: Any = await handler(context, message)
                        if following is not unchanged:
                            if type(following) is RECEIVE and not cell.intercepted:
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
            except BaseException as error:
                self._failed(me, cell, error, message)
            if self.abandoned and me in self.abandoned:
                return
            if cell.state and cell.state <= SIGNALLED:
                (self._busy if count == BUDGET else self.ready).append(cell)
            if cell.task is not None:
                self._let_go(cell)
            variables = copy_context()
            if (variables or self._variables) and not self._baseline.is_kept_by(variables):
                cell.variables = variables
                break
            if generation != self._generation or me.cancelling():
                break
            if not others:
                return
            spent += count + CELL_COST
            if spent >= BUDGET:
                spent = 0
                if self._stopwatch() > self._deadline:
                    return
            cell = others.popleft()
        if (self.ready or self._busy) and not self.armed:
            self.arm()

    def _read(self, cell: Cell, size: int) -> None:
        """The cell takes `size` messages to handle: make room known, or warn where there is no bound."""
        if cell.admission is not None:
            cell.admission.read(cell)
        else:
            self.patrol.high_water.noticed(cell, size)

    def _failed(self, me: Task[None], cell: Cell, error: BaseException, message: object) -> None:
        """A handler or a step of the actor's life raised: its failure, the end of our patience with it, or the end of
        the program.
        """
        if me in self.abandoned:
            logger.error("the abandoned handler of %s has ended after all: %s", cell.path, described(error))
            return
        if issubclass(type(error), CancelledError) and me.cancelling():
            if cell.extras is not None and cell.extras.overdue:
                cell.extras.overdue = False
                me.uncancel()
            else:
                cell.signal(Stop())
            return
        try:
            raise_unless_failure(error, me)
        except (SystemExit, KeyboardInterrupt):
            # The program ends, and its shutdown waits for this actor to stop.
            cell.signal(Stop())
            self._let_go(cell)
            self.enqueue(cell)
            raise
        cell.signal(Fail(error, message))
