"""The actor of a router: it keeps the list of routees, and passes on what its reference could not."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, override

from casty.behaviors.context import ActorContext
from casty.behaviors.routing import RouterBehavior, Routing
from casty.behaviors.values import SAME, Behavior
from casty.errors import ActorStoppedError, BehaviorError
from casty.ref import ActorRef
from casty.runtime.cell import Cell, LocalRef
from casty.runtime.context import STASH_CAPACITY
from casty.runtime.dead_letters import Internal
from casty.runtime.pending import move, translate
from casty.runtime.routed import RoutedRef
from casty.runtime.routing.choosing import chooser, is_open
from casty.runtime.routing.ref import Broadcast, LocalRouterRef, Routes


class Notice(Internal):
    """A message of the runtime's own to a router."""

    __slots__ = ()


class Router[B: RouterBehavior[Any]](Routes):
    """One incarnation of a router."""

    def __init__(self, cell: Cell, behavior: B, routing: Routing[Any]) -> None:
        self.cell = cell
        self.behavior = behavior
        self._chooser = chooser(routing, cell.services.random)
        cell.own_extras().passes_on = True
        if isinstance(cell.ref, LocalRouterRef):
            cell.ref.routes = self

    @abstractmethod
    async def start(self) -> None:
        """Find or start the routees. What it raises is a failed start."""
        ...

    @abstractmethod
    def notice(self, ctx: ActorContext[Any], notice: Notice) -> Behavior[Any]:
        """Follow a change of the routees."""
        ...

    @abstractmethod
    def keep(self, ctx: ActorContext[Any], message: Any) -> None:
        """Take a message for which there is no routee."""
        ...

    @property
    def routees(self) -> Sequence[ActorRef[Any]]:
        return self._chooser.routees

    @routees.setter
    def routees(self, routees: Sequence[ActorRef[Any]]) -> None:
        self._chooser.change(routees)

    @override
    def route(self, message: Any) -> tuple[ActorRef[Any], Any] | None:
        routee = local = self._chooser.choose(message)
        # By its type first: every message passes here, and an abstract class is slow to tell its instances.
        if routee is None:
            return None
        return (routee, message) if type(local) is LocalRef else self._inner(routee, message)

    def _inner(self, routee: ActorRef[Any], message: Any) -> tuple[ActorRef[Any], Any] | None:
        """What a routee that is a router, or leads to an entity, makes of the message."""
        if not isinstance(routee, RoutedRef) or routee.moves:
            return routee, message
        try:
            return routee.route(message)
        except RecursionError:
            raise BehaviorError(
                f"{self.cell.path} leads back to itself: it is a routee of a router among its own routees"
            ) from None

    @override
    def broadcast(self, message: Any) -> bool:
        routees = [routee for routee in self.routees if is_open(routee)]
        for routee in routees:
            self.cell.services.dead_letters.tell(routee, message)
        return bool(routees)

    async def handle(self, ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
        """Handle a message that waited for the router itself."""
        if isinstance(message, Notice):
            return self.notice(ctx, message)
        if isinstance(message, Broadcast):
            if not self.broadcast(message.message):
                self.keep(ctx, message)
            return SAME
        try:
            found = self.route(message)
        except (ActorStoppedError, BehaviorError) as refused:
            self.refuse(message, str(refused), refused)
            return SAME
        if found is None:
            self.keep(ctx, message)
        else:
            self._pass_on(message, *found)
        return SAME

    def stash(self, message: Any) -> bool:
        """Put a message aside until there are routees; returns False if too many wait already."""
        stash = self.cell.own_extras().stash
        if len(stash) >= STASH_CAPACITY:
            return False
        stash.append(message)
        return True

    def refuse(self, message: Any, reason: str, cause: Exception | None = None) -> None:
        """Publish a message as undeliverable, which fails its ask."""
        lost = message.message if isinstance(message, Broadcast) else message
        self.cell.services.dead_letters.publish(lost, self.cell.ref, reason, cause)

    def _pass_on(self, message: Any, routee: ActorRef[Any], told: Any) -> None:
        """An ask goes with its message, so that it fails when the routee does."""
        if told is not message:
            translate(self.cell, message, told)
        if isinstance(routee, LocalRef):
            move(self.cell, told, routee.cell)
        self.cell.services.dead_letters.tell(routee, told)
