"""References that find an actor for each message: it may be another one each time, and in another process."""

from abc import abstractmethod
from typing import Any, ClassVar, Protocol, override

from casty.errors import ActorStoppedError, BehaviorError, MailboxFullError
from casty.output_commit import OPEN, current
from casty.ref import ActorRef, Asking
from casty.runtime.cell import IDLE, LocalRef


class Outgoing(Protocol):
    """An ask whose message leaves this process, or may leave it."""

    def send(self) -> None:
        """Send the message. Called once, when nothing holds it back any more."""
        ...

    def end(self) -> None:
        """The ask has its reply, or waits for none any more."""
        ...

    def waits_for(self) -> str:
        """Why there may be no reply yet, as the end of a sentence; empty if the reason is unknown."""
        ...


class RoutedRef[M](ActorRef[M]):
    """A reference whose actor is looked up, and started if need be, when a message is sent."""

    __slots__ = ()

    moves: ClassVar[bool] = False
    """Whether the actor may be in another process by the time that a message leaves which is held back now."""
    chooses: ClassVar[bool] = False
    """Whether it finds another actor each time, so that a message goes to the one that was found for it first."""

    @property
    @abstractmethod
    def home(self) -> LocalRef[Any]:
        """The actor that it is routed by, and lives as long as."""
        ...

    @abstractmethod
    def route(self, message: M) -> tuple[ActorRef[Any], Any] | None:
        """Return the actor that takes the message, and the message as that actor gets it; None: it is not known to be
        in this process, so the message goes to `tell_elsewhere` or `ask_elsewhere`.

        Raises `ActorStoppedError` where none takes messages any more, and `BehaviorError` for a message that names
        none.
        """
        ...

    def tell_elsewhere(self, message: M) -> None:
        """Send a message that `route` has found no actor of this process for. Raises `BehaviorError` like it."""
        raise NotImplementedError

    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        """Prepare such a message, which a reply to `promise` is expected for: `Asks.fail` with that uid is the other
        way for the ask to end. Raises `BehaviorError` like `route`.
        """
        raise NotImplementedError

    @property
    @override
    def asks(self) -> Asking:
        return self.home.cell.services.asks

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
            self.home.cell.services.dead_letters.publish(message, self, str(full), full)

    def _send(self, message: M) -> None:
        try:
            place = self.route(message)
            if place is None:
                self.tell_elsewhere(message)
                return
        except (ActorStoppedError, BehaviorError) as refused:
            self.home.cell.services.dead_letters.publish(message, self, str(refused), refused)
        else:
            place[0].tell(place[1])

    @override
    async def offer(self, message: M) -> None:
        if OPEN and current() is not None:
            self.tell(message)
            return
        try:
            place = self.route(message)
        except (ActorStoppedError, BehaviorError):
            place = None
        if place is None:
            self.tell(message)
            return
        ref, told = place
        cell = ref.cell if isinstance(ref, LocalRef) else None
        if cell is None or cell.admission is None or cell.state == IDLE:
            ref.tell(told)
        elif not await cell.admission.offer(cell, told):
            await self.offer(message)  # the actor stopped while the caller waited for room: its successor has some
