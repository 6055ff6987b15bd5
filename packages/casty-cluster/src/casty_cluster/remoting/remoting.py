"""The other nodes as the runtime of one node needs them: the contract is `casty.extension.Remote`."""

from collections.abc import Callable
from typing import Any, Protocol, override

from casty.address import ActorAddress, PeerAddress
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.discovery import ReceptionistMessage
from casty.extension import Remote
from casty.member import Member
from casty.ref import ActorRef

from casty_cluster.remoting.death_watch import DeathWatch
from casty_cluster.remoting.delivery import Delivery
from casty_cluster.remoting.refs import RemoteRef


class Discovery(Protocol):
    """The receptionist of this node."""

    ref: ActorRef[Any]

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """Let an actor of this node be found; see `Remote.discovered`."""
        ...


class Remoting(Remote):
    """The other nodes."""

    def __init__(
        self,
        local: Member,
        delivery: Delivery,
        death_watch: DeathWatch,
        discovery: Discovery,
        entity: Callable[[str, str], ActorRef[Any] | None] | None = None,
    ) -> None:
        self._home = local.address
        self._node_id = local.node_id
        self._delivery = delivery
        self._death_watch = death_watch
        self._discovery = discovery
        self._entity = entity

    @property
    @override
    def home(self) -> PeerAddress:
        return self._home

    @property
    @override
    def node_id(self) -> str:
        return self._node_id

    @override
    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        return self._delivery.ref(address)

    @override
    def entity(self, region: str, entity_id: str) -> ActorRef[Any] | None:
        return None if self._entity is None else self._entity(region, entity_id)

    @override
    def watch(self, watcher: ActorRef[Any], ref: ActorRef[Any], notify: Callable[[BaseException | None], None]) -> bool:
        if not isinstance(ref, RemoteRef):
            return False
        self._death_watch.watch(watcher, ref, notify)
        return True

    @override
    def unwatch(self, watcher: ActorRef[Any], ref: ActorRef[Any] | None = None) -> None:
        self._death_watch.unwatch(watcher, ref)

    @property
    @override
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        return self._discovery.ref

    @override
    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        self._discovery.discovered(key, ref)
