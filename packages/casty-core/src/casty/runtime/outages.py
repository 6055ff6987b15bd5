"""An outage of a journal, as the messages of its actors meet it: those that an ask waits for are refused at once, with
the reason; the others wait for the journal's return.

The asker gets the error and may do something else meanwhile, or ask again; its command must not run later, behind its
back. So it is taken out of the mailbox, or never enters it.
"""

from typing import Any, Final

from casty.errors import JournalUnavailableError
from casty.runtime.cell import Cell
from casty.runtime.extras import CellExtras
from casty.runtime.failure import OUTAGE, is_outage

KNOWN: Final = 3
"""Failed starts in a row after which a journal counts as away, unless it reports that itself."""


def begin_outage(cell: Cell, extras: CellExtras, failure: BaseException) -> None:
    """The actor has failed. If its journal is known to be away, refuse the asks that wait in its mailbox."""
    if not extras.event_sourced or not is_outage(failure):
        return
    if isinstance(failure, JournalUnavailableError):
        extras.outage = failure
    elif cell.handler is None and len(extras.restarts.get(OUTAGE, ())) >= KNOWN:
        extras.outage = JournalUnavailableError(f"the journal has failed {KNOWN} times in a row: {failure}")
        extras.outage.__cause__ = failure
    if extras.outage is not None and cell.asks:
        waiting = cell.take_waiting()
        cell.batch = iter([message for message in waiting if not refuse_if_asked(cell, message)])


def refuse_if_asked(cell: Cell, message: Any) -> bool:
    """Whether the message is a pending ask's, and the actor's journal is away: then the ask has failed."""
    extras = cell.extras
    if extras is None or extras.outage is None or not cell.asks or id(message) not in cell.asks:
        return False
    reason = f"its journal is away, and the command is not run: {extras.outage}"
    cell.services.dead_letters.publish(message, cell.ref, reason, extras.outage)
    return True
