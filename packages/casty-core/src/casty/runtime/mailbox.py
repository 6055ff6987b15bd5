"""Admission to a mailbox that is not simply open: bounded ones, and that of a stopped actor."""

import asyncio
from collections import deque
from typing import Any, override

from casty.errors import MailboxFullError
from casty.mailbox import Mailbox, MailboxOverflowStrategy
from casty.runtime.cell import Admission, Cell
from casty.runtime.dead_letters import STOPPED
from casty.runtime.revocable import REVOKED


class Bounded(Admission):
    """Lets `capacity` messages wait and applies the overflow strategy to the rest."""

    def __init__(self, capacity: int, overflow: MailboxOverflowStrategy) -> None:
        self._capacity = capacity
        self._overflow = overflow
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.callers = 0

    @property
    def mailbox(self) -> Mailbox:
        """What these bounds are, for another actor that is to have the same."""
        return Mailbox(self._capacity, self._overflow)

    @override
    def admit(self, cell: Cell, message: Any) -> None:
        queue = cell.queue
        if queue is None or cell.waiting() < self._capacity:
            cell.deliver(message)
            return
        match self._overflow:
            case MailboxOverflowStrategy.drop_new:
                self._drop(cell, message)
            case MailboxOverflowStrategy.drop_oldest:
                oldest = self._take_oldest(cell)
                if oldest is not REVOKED:
                    self._drop(cell, oldest)
                cell.deliver(message)
            case MailboxOverflowStrategy.backpressure | MailboxOverflowStrategy.reject:
                raise self._full(cell)

    @override
    async def offer(self, cell: Cell, message: Any) -> bool:
        if self._overflow is not MailboxOverflowStrategy.backpressure:
            return False
        if self._is_full(cell):
            await self._room(cell)
        if cell.admission is not self:
            return False  # the actor stopped meanwhile
        cell.deliver(message)
        return True

    def _is_full(self, cell: Cell) -> bool:
        # Room is made known when the queue is taken to be read: behind an empty one no caller may wait.
        return bool(cell.queue) and cell.waiting() >= self._capacity and cell.admission is self

    async def _room(self, cell: Cell) -> None:
        """Wait until there is room, or until the actor stops."""
        self.callers += 1
        cell.dispatcher.crowded(cell, self.callers, self._capacity)
        try:
            while self._is_full(cell):
                waiter = asyncio.get_running_loop().create_future()
                self._waiters.append(waiter)
                await waiter
        finally:
            self.callers -= 1

    @override
    def read(self, cell: Cell) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    @staticmethod
    def _take_oldest(cell: Cell) -> Any:
        if cell.batch is not None:
            for oldest in cell.batch:
                return oldest
        # Nothing is left of the batch being read: what has queued up since becomes the next one.
        batch = cell.batch = iter(cell.queue or ())
        cell.queue = []
        return next(batch, REVOKED)

    def _drop(self, cell: Cell, message: Any) -> None:
        reason = f"the mailbox was full ({self._capacity} messages, {self._overflow.value})"
        cell.services.dead_letters.publish(message, cell.ref, reason, self._full(cell))

    def _full(self, cell: Cell) -> MailboxFullError:
        return MailboxFullError(
            f"the mailbox of {cell.path} is full: {self._capacity} messages wait ({self._overflow.value}); send fewer "
            "at once, wait for room with `await ref.offer(message)`, or give it a larger capacity"
        )


class Closed(Admission):
    """The mailbox of an actor that is stopping or has stopped."""

    callers = 0

    @override
    def admit(self, cell: Cell, message: Any) -> None:
        cell.services.dead_letters.publish(message, cell.ref, STOPPED)

    @override
    async def offer(self, cell: Cell, message: Any) -> bool:
        return False

    @override
    def read(self, cell: Cell) -> None:
        pass


CLOSED = Closed()
