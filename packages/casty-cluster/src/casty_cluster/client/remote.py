"""The cluster as the runtime of a client needs it: the contract is `casty.extension.Remote`."""

from collections.abc import Callable
from typing import Any, final, override

from casty.address import ActorAddress, PeerAddress
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.discovery import ReceptionistMessage
from casty.errors import ScopeError
from casty.extension import Remote
from casty.ref import ActorRef

from casty_cluster.client.refs import ClientDelivery


@final
class ClientRemote(Remote):
    """A client has no actors: it hosts reply references, whose addresses name it, and nothing else."""

    def __init__(self, name: str, delivery: ClientDelivery) -> None:
        self._name = name
        self._delivery = delivery

    @property
    @override
    def home(self) -> PeerAddress:
        return PeerAddress(self._name, 0)

    @property
    @override
    def node_id(self) -> str:
        return self._name

    @override
    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        return self._delivery.ref(address)

    @override
    def entity(self, region: str, entity_id: str) -> ActorRef[Any] | None:
        return self._delivery.entity(region, entity_id)

    @override
    def watch(self, watcher: ActorRef[Any], ref: ActorRef[Any], notify: Callable[[BaseException | None], None]) -> bool:
        return False

    @override
    def unwatch(self, watcher: ActorRef[Any], ref: ActorRef[Any] | None = None) -> None:
        """Do nothing: a client watches no actors."""

    @property
    @override
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        raise ScopeError("a client has no receptionist; use await client.lookup(key)")

    @override
    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        raise ScopeError(f"{ref.address.path} cannot be found under {key.name!r}: a client has no actors")
