"""References to actors of other nodes. What they do with a message is `delivery`'s business."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, override

from casty.address import ActorAddress, PeerAddress
from casty.extension import AskedRef, AskingElsewhere, Outgoing, RemoteAskGuard
from casty.output_commit import OPEN, current
from casty.ref import ActorRef, AddressRef, Asking

if TYPE_CHECKING:
    from casty_cluster.remoting.delivery import Delivery


class RemoteAsk(Outgoing):
    """An ask that a router makes of an actor of another node."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send

    @override
    def send(self) -> None:
        self._send()

    @override
    def end(self) -> None:
        """The node of the actor watches the time itself."""

    @override
    def waits_for(self) -> str:
        return ""


class RemoteRef[M](AddressRef[M], AskedRef[M]):
    """An actor of another node."""

    __slots__ = ("_delivery", "peer", "target")

    def __init__(self, delivery: "Delivery", address: ActorAddress, peer: PeerAddress) -> None:
        super().__init__(address)
        self._delivery = delivery
        self.peer = peer
        self.target: bytes | None = None
        """What names this actor in every frame, once there has been one."""

    @property
    @override
    def asks(self) -> Asking:
        return self._delivery.asks

    @override
    def _deliver(self, message: M) -> None:
        self._delivery.tell(self, message)

    def send(self, message: M) -> tuple[str, Exception | None] | None:
        """Like `tell` for what acts on behalf of no command; the result is why the message has not left, if so."""
        return self._delivery.send(self, message)

    @override
    async def asked(self, asks: AskingElsewhere, factory: Callable[[ActorRef[Any]], M], timeout: float) -> Any:
        return await asks.ask_by(self, self._ask, factory, timeout)

    @override
    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        return RemoteAsk(partial(self._delivery.ask, self, message, uid, timeout))

    def _ask(self, message: M, reply_uid: int, timeout: float) -> None:
        if OPEN and (output := current()) is not None:
            output.hold(lambda held: self._delivery.ask(self, held, reply_uid, timeout), message)
        else:
            self._delivery.ask(self, message, reply_uid, timeout)


class ReplyRef[R](AddressRef[R]):
    """The reply reference of an ask that another node made. Only the first answer travels."""

    __slots__ = ("_delivery", "guard", "peer")

    def __init__(self, delivery: "Delivery", address: ActorAddress, peer: PeerAddress) -> None:
        super().__init__(address)
        self._delivery = delivery
        self.peer = peer
        self.guard: RemoteAskGuard | None = None
        """Completed by the reply, where this node guards the ask."""

    @property
    @override
    def asks(self) -> Asking:
        return self._delivery.asks

    @override
    def _deliver(self, message: R) -> None:
        guard = self.guard
        if guard is not None:
            if guard.done():
                return
            guard.set_result(None)
        self._delivery.answer(self, message)
