"""The reference of a router: it delivers to a routee itself, so that a router costs no message of its own.

The router's actor handles only what comes while it starts, has no routees or is busy with a change of them. Messages
that wait for it are passed on before the reference delivers past it again, so that none is overtaken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, override

from casty.behaviors.routing import RouterRef
from casty.ref import ActorRef
from casty.runtime.cell import IDLE, Cell, LocalRef
from casty.runtime.routed import RoutedRef


class Routes(Protocol):
    """The routees of one incarnation of a router."""

    @property
    def routees(self) -> Sequence[ActorRef[Any]]: ...

    def route(self, message: Any) -> tuple[ActorRef[Any], Any] | None:
        """Return a routee that is no router itself, and the message as that one gets it; None if there is none.

        Raises what `RoutedRef.route` raises.
        """
        ...

    def broadcast(self, message: Any) -> bool:
        """Tell all routees; returns False if there are none."""
        ...


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A message for all routees of a router, while that cannot pass it on yet."""

    message: Any


class LocalRouterRef[M](RoutedRef[M], LocalRef[M], RouterRef[M]):
    """The reference of a router's actor."""

    __slots__ = ("_mailbox", "routes")

    chooses = True

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._mailbox = LocalRef[Any](cell)
        self.routes: Routes | None = None
        """None until the router has started."""

    @property
    @override
    def home(self) -> LocalRef[Any]:
        return self._mailbox

    @override
    def route(self, message: M) -> tuple[ActorRef[Any], Any]:
        # A spied router handles every message itself, as its spies see what it handles.
        if self.routes is None or self.cell.state != IDLE or self.cell.intercepted:
            return self._mailbox, message
        return self.routes.route(message) or (self._mailbox, message)

    @override
    def broadcast(self, message: M) -> None:
        is_idle = self.routes is not None and self.cell.state == IDLE and not self.cell.intercepted
        if not (is_idle and self.routes is not None and self.routes.broadcast(message)):
            self.cell.services.dead_letters.tell(self._mailbox, Broadcast(message))
