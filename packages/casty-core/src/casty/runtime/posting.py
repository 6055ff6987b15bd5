"""Puts revocables into mailboxes."""

from casty.errors import MailboxFullError
from casty.output_commit import OPEN, current
from casty.runtime.cell import IDLE, SCHEDULED, STOPPED, Cell
from casty.runtime.revocable import MixedQueue, Revocable


def tell_revocable(cell: Cell, message: Revocable) -> None:
    """Tell it like any other message; where it meets a full mailbox, it is a dead letter."""
    if OPEN and (output := current()) is not None:
        output.hold(lambda held: tell_revocable(cell, held), message)
    elif _mixes(cell, message):
        try:
            cell.ref.tell(message)
        except MailboxFullError as full:
            cell.kernel.dead_letters.publish(message, cell.ref, str(full), full)


def deliver_revocable(cell: Cell, message: Revocable) -> None:
    """Put it into the mailbox however full that is."""
    if _mixes(cell, message):
        cell.deliver(message)


def _mixes(cell: Cell, message: Revocable) -> bool:
    """Prepare the queue for a revocable. An idle cell has none: it gets one with the message, and the result is
    False.
    """
    if cell.state == IDLE:
        cell.dispatcher.enqueue(cell)
        cell.state = SCHEDULED
        cell.queue = MixedQueue([message])
        return False
    if cell.state != STOPPED and type(cell.queue) is list:
        cell.queue = MixedQueue(cell.queue)
    return True
