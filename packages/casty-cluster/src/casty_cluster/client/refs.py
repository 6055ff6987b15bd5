"""References as a client has them: to an actor of one node, or to what every node knows by the same path."""

from collections.abc import Callable
from typing import Any, Final, Protocol, override

from casty.address import ActorAddress, PeerAddress
from casty.errors import BehaviorError
from casty.extension import AskingElsewhere, Outgoing, entity_path, place_of
from casty.ref import ActorRef

from casty_cluster.remoting.delivery import Delivery
from casty_cluster.remoting.refs import RemoteRef

CONTACT: Final = PeerAddress("contact", 0)
"""Stands for the client's contact, whichever node that is when a message leaves. No node has port 0."""
ROUTER: Final = PeerAddress("router", 0)
"""Stands for the node that routes the client's messages for entities: a contact that leaves does so to its end."""


class Connections(Protocol):
    """What a client's references ask its connections."""

    def problem(self, peer: PeerAddress) -> str:
        """What keeps messages for that peer from being sent, if anything does."""
        ...

    def answered(self, reply_uid: int) -> None:
        """The ask with that reply reference is over."""
        ...


class ClientRef[M](RemoteRef[M]):
    """An actor that a client can reach."""

    __slots__ = ("_connections",)

    def __init__(self, connections: Connections, delivery: Delivery, address: ActorAddress, peer: PeerAddress) -> None:
        super().__init__(delivery, address, peer)
        self._connections = connections

    @override
    async def asked(self, asks: AskingElsewhere, factory: Callable[[ActorRef[Any]], M], timeout: float) -> Any:
        # Another actor system of this process may ask. The reply comes to the client all the same.
        asked = 0

        def send(message: M, reply_uid: int, seconds: float) -> None:
            nonlocal asked
            asked = reply_uid
            self._ask(message, reply_uid, seconds)

        try:
            return await self._delivery.asks.ask_by(self, send, factory, timeout)
        except TimeoutError as error:
            if not (problem := self._connections.problem(self.peer)):
                raise
            raise TimeoutError(f"{error}: {problem}") from None
        finally:
            self._connections.answered(asked)

    @override
    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        raise BehaviorError(f"{self} cannot be a routee: replies to a client come to the client alone")


class ClientDelivery(Delivery):
    """The messages of a client. No actor of it can be reached, so what comes in is replies."""

    connections: Connections

    @override
    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        found = super().ref(address)
        return ClientRef(self.connections, self, address, found.peer) if isinstance(found, RemoteRef) else found

    def actor(self, path: str, uid: int = 0) -> ActorRef[Any]:
        """A reference to what each node has at that path. Its address has no host: each node reads it as its own."""
        return self._anywhere(path, uid, CONTACT)

    def entity(self, region: str, entity_id: str) -> ActorRef[Any]:
        """A reference to an entity. Its address is the same as on nodes."""
        return self._anywhere(entity_path(f"/{region}", entity_id), place_of(entity_id).uid, ROUTER)

    def _anywhere(self, path: str, uid: int, peer: PeerAddress) -> ActorRef[Any]:
        address = ActorAddress(system=self._kernel.system.name, path=path, uid=uid)
        return ClientRef(self.connections, self, address, peer)
