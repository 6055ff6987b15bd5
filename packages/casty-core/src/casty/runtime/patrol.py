"""Looks again and again at actors that would go unnoticed otherwise: those whose handler awaits something, and those
that are paused. Their mailboxes grow unread, and a handler may wait for something that never comes.

Everything here goes by the event loop's own clock, also where a test owns the actors' time: how long a handler has
awaited a socket is a matter of real time.
"""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from casty.config import SystemConfig
from casty.events import SuspendedHandler
from casty.runtime.cell import PAUSED, Cell
from casty.runtime.dead_letters import Throttle
from casty.runtime.doing import Doing, doing_of
from casty.runtime.frames import frames_of, line, stack
from casty.runtime.high_water import HighWater
from casty.runtime.logs import about
from casty.runtime.services import Services

logger = logging.getLogger("casty")

PERIOD: Final = 1.0
"""Seconds between two rounds."""
SLICE: Final = 4_000
"""Cells that are looked at before the event loop has its turn."""


@dataclass(slots=True, eq=False)
class _Wait:
    """A handling that has been looked at because it takes long."""

    doing: Doing
    since: float
    report_after: float
    """Seconds after which it is reported next."""


class Patrol:
    """The rounds of one actor system. They continue while there is anything to look at."""

    def __init__(self, services: Services, loop: AbstractEventLoop, settings: SystemConfig) -> None:
        self._services = services
        self._loop = loop
        self._limit = settings.suspended_handler_seconds or 0.0
        self._period = min(PERIOD, self._limit / 2) if self._limit else PERIOD
        self._throttle = Throttle(services.clock)
        self.high_water = HighWater(services, settings.high_water, self.begin)
        self.suspended: dict[Cell, float] = {}
        """Cells whose handler, or start or stop, awaits something, and since when their driver has been suspended."""
        self._paused: dict[Cell, None] = {}
        self._waits: dict[Cell, _Wait] = {}
        self._round: TimerHandle | None = None
        self._due = 0.0
        self._closed = False

    def hold(self, cell: Cell) -> None:
        """The cell's handler has really suspended."""
        self.suspended[cell] = self._loop.time()
        if self._round is None:
            self.begin()

    def let_go(self, cell: Cell) -> None:
        self.suspended.pop(cell, None)

    def pause(self, cell: Cell) -> None:
        """The cell is in no queue until it is signalled."""
        self._paused[cell] = None
        self.begin()

    def paused(self) -> Iterator[Cell]:
        return (cell for cell in self._paused if cell.state == PAUSED)

    def begin(self) -> None:
        """Make rounds, if none is planned."""
        if self._round is None and not self._closed:
            self._due = self._loop.time() + self._period
            self._round = self._loop.call_later(self._period, self.look_around)

    @property
    def is_on_duty(self) -> bool:
        """Whether there is anything to look at."""
        return self._round is not None

    def close(self) -> None:
        self._closed = True
        if self._round is not None:
            self._round.cancel()

    def since(self, cell: Cell, doing: Doing) -> float | None:
        """Since when a suspended cell has done that, by the loop's clock: exactly for the first message that its driver
        handles, later than that for others, None where that one is not known yet.
        """
        wait = self._waits.get(cell)
        if wait is not None and wait.doing == doing:
            return wait.since
        return self.suspended.get(cell) if doing.count == 0 else None

    def look_around(self) -> None:
        """Make one round now."""
        if self._round is not None:
            self._round.cancel()
        now = self._loop.time()
        late = now - self._due
        if late > self._period:
            self._forgive(late)
        self._paused = dict.fromkeys(self.paused())
        self._look([*self.suspended, *self._paused], 0, now)

    def _forgive(self, late: float) -> None:
        """The process was stopped, or its loop was held: that is not what the handlers have waited for."""
        for cell in self.suspended:
            self.suspended[cell] += late
        for wait in self._waits.values():
            wait.since += late

    def _look(self, cells: list[Cell], begin: int, now: float) -> None:
        """Look at a slice of the cells, and at the others in the next turns of the loop."""
        high_water = self.high_water
        for cell in cells[begin : begin + SLICE]:
            if cell.admission is None and (size := cell.waiting()) > high_water.mark:
                high_water.noticed(cell, size)
            since = self.suspended.get(cell)
            if self._limit and since is not None and now - since >= self._limit / 2:
                self._examine(cell, since, now)
        if self._closed:
            return
        if begin + SLICE < len(cells):
            self._loop.call_soon(self._look, cells, begin + SLICE, now)
            return
        self._end()

    def _end(self) -> None:
        """The end of a round, and the plan for the next one if there is anything to look at."""
        self._waits = {cell: wait for cell, wait in self._waits.items() if cell in self.suspended}
        self.high_water.subside()
        self._round = None
        if self.suspended or self._paused or self.high_water:
            self.begin()

    def _examine(self, cell: Cell, since: float, now: float) -> None:
        """A driver has been suspended for long: with one message, or with many, one after the other?"""
        doing = None if cell.task is None else doing_of(cell.task)
        if doing is None or cell.task is None:
            return
        wait = self._waits.get(cell)
        if wait is None or wait.doing != doing:
            wait = self._waits[cell] = _Wait(doing, since if doing.count == 0 else now, self._limit)
        seconds = now - wait.since
        if seconds >= wait.report_after:
            while wait.report_after <= seconds:
                wait.report_after *= 2
            self._report(doing, seconds)

    def _report(self, doing: Doing, seconds: float) -> None:
        cell = doing.cell
        frames = [] if cell.task is None else list(frames_of(cell.task))
        if not frames:
            return
        where = line(frames)
        if self._throttle.admits((doing.what, where)):
            logger.warning(
                "%s has been suspended for %.1f s while it handles %s, at %s: it handles nothing else meanwhile; "
                "give what it awaits a timeout, or await it beside the actor with ctx.pipe_to_self",
                cell.path,
                seconds,
                doing.what,
                where,
                extra=about(cell),
            )
        self._services.event_stream.publish(
            SuspendedHandler(ref=cell.ref, message_type=doing.what, seconds=seconds, stack=stack(frames))
        )
