"""References to what is no actor of this process: they carry asks in a way of their own."""

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from casty.errors import BehaviorError
from casty.ref import ActorRef, Asking
from casty.runtime.routed import Outgoing


class AskingElsewhere(Asking, Protocol):
    """The asks of one actor system, for a reference that carries some itself."""

    def ask_by[M](
        self,
        ref: ActorRef[M],
        send: Callable[[M, int, float], None],
        factory: Callable[[ActorRef[Any]], M],
        timeout: float,
    ) -> Coroutine[Any, Any, Any]:
        """Ask by `send(message, uid of its reply reference, timeout)`, with which the message leaves the process."""
        ...


class AskedRef[M](ActorRef[M]):
    """A reference that carries an ask in its own way, because no cell of this process is behind it."""

    __slots__ = ()

    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        """Prepare an ask whose message a router has been given already; see `RoutedRef.ask_elsewhere`."""
        raise BehaviorError(f"{self} cannot be a routee: an ask of it needs more than one reply reference")

    @abstractmethod
    async def asked(self, asks: AskingElsewhere, factory: Callable[[ActorRef[Any]], M], timeout: float) -> Any:
        """Return the reply, or raise, as `ActorSystem.ask` does."""
