"""The seam through which a cluster joins a running system: references, addresses and death watch across nodes.

Without it, every actor is of this process, and an address of another process leads nowhere.
"""

from collections.abc import Callable
from typing import Any, Protocol

from casty.address import ActorAddress, PeerAddress
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.discovery import ReceptionistMessage
from casty.ref import ActorRef


class Remote(Protocol):
    """The other nodes, as the runtime of one of them needs them."""

    @property
    def home(self) -> PeerAddress:
        """Where other nodes reach this one: part of the addresses of its actors."""
        ...

    @property
    def node_id(self) -> str: ...

    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        """Return a reference to an actor of another node, or None for an address that belongs to no node."""
        ...

    def entity(self, region: str, entity_id: str) -> ActorRef[Any] | None:
        """Return a reference to an entity of a region of the cluster, whether this node has that region or not; None
        where there is no sharding, or the id is none that an entity can have.
        """
        ...

    def watch(self, watcher: ActorRef[Any], ref: ActorRef[Any], notify: Callable[[BaseException | None], None]) -> bool:
        """Call `notify` with the failure, if any, once the actor has stopped or its node is lost.

        A second watch of the same actor by the same watcher replaces the first one. Returns False, and watches nothing,
        for a reference that is not of another node.
        """
        ...

    def unwatch(self, watcher: ActorRef[Any], ref: ActorRef[Any] | None = None) -> None:
        """End a watch; without a reference, all watches of that watcher."""
        ...

    @property
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        """This node's part of the cluster's receptionist."""
        ...

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """Let an actor be found under `key` as long as it lives. Raises `ScopeError` where it cannot be."""
        ...
