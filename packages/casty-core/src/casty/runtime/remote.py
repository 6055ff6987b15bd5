"""The seam at which other nodes are joined to a running system: what a cluster plugs into the kernel.

Without one, every actor is of this process, and an address of another is nobody's.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from casty.address import ActorAddress, PeerAddress
from casty.behaviors.clustered import ServiceKey
from casty.ref import ActorRef

if TYPE_CHECKING:
    from casty.runtime.ask import Asks
    from casty.runtime.cell import Cell
    from casty.runtime.watch import Watch


class Remote(Protocol):
    """The other nodes, as the runtime of one of them needs them."""

    @property
    def home(self) -> PeerAddress:
        """Where this node is reached: part of its actors' addresses."""
        ...

    @property
    def node_id(self) -> str: ...

    def ref(self, address: ActorAddress) -> ActorRef[Any] | None:
        """A reference to an actor of another node; None for an address that is of none."""
        ...

    def watch(self, watcher: "Cell", ref: ActorRef[Any], registered: "Watch") -> bool:
        """Call `registered.notify` when the actor has stopped or its node is lost. False: not an actor of another
        node.
        """
        ...

    def unwatch(self, watcher: "Cell", ref: ActorRef[Any] | None = None) -> None:
        """Without a reference: whomever it watches on other nodes."""
        ...

    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        """An actor can be looked up under `key` as long as it lives. Raises `ScopeError` where it cannot be."""
        ...


class AskedRef[M](ActorRef[M]):
    """A reference that carries an ask in its own way, as there is no cell of this process behind it."""

    __slots__ = ()

    @abstractmethod
    async def asked(self, asks: "Asks", factory: Callable[[ActorRef[Any]], M], timeout: float) -> Any:
        """See `ActorSystem.ask`."""
