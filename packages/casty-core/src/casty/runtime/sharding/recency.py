"""When the entities of one region were last sent a message, and which of them are passivated for that.

One order serves both rules: the least recently used entities are those that have been idle for longest.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from casty.clock import Clock, TimerHandle
from casty.runtime.cell import IDLE, Cell

SLICE: Final = 256
"""Entities that are looked at between two turns of the event loop."""
BUSY: Final = 0.05
"""Seconds until the next look where more than the limit are active, and all of them are busy."""


class Recency:
    """Passivates entities that are idle for `passivate_after` seconds, and the least recently used beyond `limit`.

    An entity that handles a message, has one waiting or stashed, or awaits piped work, is not idle. What it tells
    itself, by timers for example, counts for nothing.
    """

    def __init__(
        self, clock: Clock, passivate: Callable[[Cell], None], passivate_after: float | None, limit: int | None
    ) -> None:
        self._clock = clock
        self._passivate = passivate
        self._after = passivate_after
        self._limit = limit
        self._used: OrderedDict[Cell, float] = OrderedDict()
        """Time of the last message of each active entity, oldest first."""
        self._sweep: TimerHandle | None = None
        self._due = 0.0

    def touch(self, cell: Cell) -> None:
        """A message is on its way to the entity."""
        used = self._used
        used[cell] = self._clock.time()
        used.move_to_end(cell)
        if self._limit is not None and len(used) > self._limit:
            # After the event loop's turn: the entities that were sent something have handled it by then.
            self._plan(0.0)
        elif self._sweep is None and self._after is not None:
            self._plan(self._after)

    def forget(self, cell: Cell) -> None:
        """The entity has stopped."""
        self._used.pop(cell, None)

    def close(self) -> None:
        """The region stops."""
        self._used.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _plan(self, delay: float) -> None:
        due = self._clock.time() + delay
        if self._sweep is not None:
            if due >= self._due:
                return
            self._sweep.cancel()
        self._due = due
        self._sweep = self._clock.call_later(delay, self._sweep_once)

    def _sweep_once(self) -> None:
        self._sweep = None
        used, now = self._used, self._clock.time()
        passivated = 0
        for _ in range(min(SLICE, len(used))):
            cell, last = next(iter(used.items()))
            if not self._is_due(last, now):
                break
            if is_idle(cell):
                del used[cell]
                passivated += 1
                self._passivate(cell)
            else:
                used[cell] = now
                used.move_to_end(cell)
        if not used:
            return
        if self._limit is not None and len(used) > self._limit:
            self._plan(0.0 if passivated else BUSY)
        elif self._after is not None:
            oldest = next(iter(used.values()))
            self._plan(max(0.0, oldest + self._after - self._clock.time()))

    def _is_due(self, last: float, now: float) -> bool:
        if self._limit is not None and len(self._used) > self._limit:
            return True
        return self._after is not None and now - last >= self._after


def is_idle(cell: Cell) -> bool:
    """Whether nothing is lost if the entity stops now."""
    extras = cell.extras
    return cell.state == IDLE and (extras is None or not (extras.stash or extras.tasks))
