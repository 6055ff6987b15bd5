"""References that find an actor of this process for each message: it may be another one each time."""

from abc import abstractmethod
from typing import Any, override

from casty.errors import ActorStoppedError, BehaviorError, MailboxFullError
from casty.output_commit import OPEN, current
from casty.ref import ActorRef, Asking
from casty.runtime.cell import IDLE, Cell


class RoutedRef[M](ActorRef[M]):
    """A reference whose actor is looked up, and started if need be, when a message is sent."""

    __slots__ = ()

    @property
    @abstractmethod
    def home(self) -> Cell:
        """The actor that it is routed by, and lives as long as."""
        ...

    @abstractmethod
    def route(self, message: M) -> tuple[Cell, Any]:
        """Return the actor that takes the message, and the message as that actor gets it.

        Raises `ActorStoppedError` where none takes messages any more, and `BehaviorError` for a message that names
        none.
        """
        ...

    @property
    @override
    def asks(self) -> Asking:
        return self.home.services.asks

    @override
    def tell(self, message: M) -> None:
        # Here and not in the base class: a full mailbox raises in the teller only where the message is not held back.
        if OPEN and (output := current()) is not None:
            output.hold(self._deliver, message)
        else:
            self._send(message)

    @override
    def _deliver(self, message: M) -> None:
        try:
            self._send(message)
        except MailboxFullError as full:
            self.home.services.dead_letters.publish(message, self, str(full), full)

    def _send(self, message: M) -> None:
        try:
            cell, told = self.route(message)
        except (ActorStoppedError, BehaviorError) as refused:
            self.home.services.dead_letters.publish(message, self, str(refused), refused)
        else:
            cell.ref.tell(told)

    @override
    async def offer(self, message: M) -> None:
        if OPEN and current() is not None:
            self.tell(message)
            return
        try:
            cell, told = self.route(message)
        except (ActorStoppedError, BehaviorError):
            self.tell(message)
            return
        if cell.admission is None or cell.state == IDLE:
            cell.ref.tell(told)
        elif not await cell.admission.offer(cell, told):
            await self.offer(message)  # the actor stopped while the caller waited for room: its successor has some
