"""Warns of mailboxes that grow past a mark, and of callers that queue up for room in a bounded one."""

import logging
from collections.abc import Callable
from typing import Final

from casty.events import MailboxHighWater
from casty.runtime.cell import STOPPED, Cell
from casty.runtime.dead_letters import Throttle
from casty.runtime.doing import doing_of
from casty.runtime.logs import about
from casty.runtime.services import Services
from casty.runtime.waiting_for import why_paused

logger = logging.getLogger("casty")

FEW_CALLERS: Final = 10
"""Callers that may always wait in `offer` without a warning: with small mailboxes that is how backpressure works."""


class HighWater:
    """Reports each crossing of a mark once, and again whenever the level has doubled since.

    A crossing is over once the patrol finds the level below half of the mark.
    """

    def __init__(self, services: Services, mark: int, begin_rounds: Callable[[], None]) -> None:
        self._services = services
        self.mark = mark
        """Messages that may wait in an unbounded mailbox."""
        self._begin_rounds = begin_rounds
        self._throttle = Throttle(services.clock)
        self._reported: dict[Cell, tuple[int, int]] = {}
        """The mark that a cell has crossed, and the level at which it is reported again."""

    def __bool__(self) -> bool:
        """Whether some crossing is not over."""
        return bool(self._reported)

    def noticed(self, cell: Cell, size: int) -> None:
        """So many messages wait in an unbounded mailbox."""
        if self._crosses(cell, size, self.mark):
            self._log(
                cell,
                f"the mailbox of %s holds %d messages and has no bound ({_state(cell)}); "
                "slow its senders down, or spawn it with mailbox=Mailbox(capacity=…)",
                size,
            )
            self._services.event_stream.publish(MailboxHighWater(cell.ref, size))

    def crowded(self, cell: Cell, callers: int, capacity: int) -> None:
        """So many callers wait in `offer`, for a mailbox of that capacity."""
        if self._crosses(cell, callers, max(FEW_CALLERS, capacity)):
            self._log(
                cell,
                f"%s has a full mailbox, and %d callers wait in offer() for room ({_state(cell)}); "
                "let its handler do less for each message, or spread the work over several actors",
                callers,
            )
            self._services.event_stream.publish(MailboxHighWater(cell.ref, cell.waiting(), callers))

    def subside(self) -> None:
        """Forget the crossings that are over."""
        for cell, (mark, _) in list(self._reported.items()):
            if cell.state == STOPPED or _level(cell) <= mark // 2:
                del self._reported[cell]

    def _crosses(self, cell: Cell, level: int, mark: int) -> bool:
        if level <= self._reported.get(cell, (mark, mark))[1]:
            return False
        self._reported[cell] = mark, 2 * level
        self._begin_rounds()
        return True

    def _log(self, cell: Cell, text: str, level: int) -> None:
        path = cell.path
        if self._throttle.admits(path):
            logger.warning(text, path, level, extra=about(cell))


def _level(cell: Cell) -> int:
    return cell.waiting() if cell.admission is None else cell.admission.callers


def _state(cell: Cell) -> str:
    """Why the mailbox grows."""
    if (because := why_paused(cell)) is not None:
        return f"paused: {because}"
    doing = None if cell.task is None else doing_of(cell.task)
    return "it is read, but too slowly" if doing is None else f"suspended while it handles {doing.what}"
