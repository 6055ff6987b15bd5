"""A router whose routees are its children."""

import logging
from dataclasses import dataclass
from typing import Any, override

from casty.behaviors.context import ActorContext
from casty.behaviors.functions import refuse_coroutine
from casty.behaviors.routing import PoolBehavior
from casty.behaviors.values import SAME, STOPPED, Behavior
from casty.mailbox import Mailbox
from casty.ref import ActorRef
from casty.runtime.cell import Cell
from casty.runtime.children import spawn_cell
from casty.runtime.logs import about
from casty.runtime.mailbox import Bounded
from casty.runtime.routing.choosing import is_open
from casty.runtime.routing.router import Notice, Router
from casty.runtime.slices import in_slices
from casty.runtime.watch import watch

logger = logging.getLogger("casty")


@dataclass(frozen=True, slots=True)
class Left(Notice):
    """A routee has stopped, by its own wish or by a failure."""

    cell: Cell


class Pool(Router[PoolBehavior[Any]]):
    """A routee that stops is not replaced: restarting is a matter of supervision. Without any routee left, the pool
    ends as the last one did: it stops, or fails with the same exception.
    """

    def __init__(self, cell: Cell, behavior: PoolBehavior[Any]) -> None:
        super().__init__(cell, behavior, behavior.routing)
        self._left = 0

    @override
    async def start(self) -> None:
        cell = self.cell
        mailbox = cell.admission.mailbox if isinstance(cell.admission, Bounded) else Mailbox()
        settings = cell.services.settings.resolve(cell.name)
        routees: list[ActorRef[Any]] = []

        def spawn(number: int) -> None:
            behavior = self.behavior.factory()
            refuse_coroutine(behavior, "Behaviors.pool", self.behavior.factory)
            routee = spawn_cell(cell, behavior, str(number), mailbox)
            if settings.supervision is not None:
                routee.own_extras().fallback = settings.supervision
            watch(cell, routee.ref, Left(routee))
            routees.append(routee.ref)

        await in_slices(spawn, range(1, self.behavior.size + 1))
        self.routees = routees

    @override
    def notice(self, ctx: ActorContext[Any], notice: Notice) -> Behavior[Any]:
        if not isinstance(notice, Left):
            return SAME
        self._left += 1
        living = self.behavior.size - self._left
        reason = notice.cell.own_extras().reason
        if living:
            # A stopped routee is passed over. Removing each by itself would take too long where thousands stop.
            if 2 * living <= len(self.routees):
                self.routees = [routee for routee in self.routees if is_open(routee)]
            if reason is not None:
                left, size = living, self.behavior.size
                logger.warning("%s has %d of its %d routees left", self.cell.path, left, size, extra=about(self.cell))
            return SAME
        if reason is not None:
            raise reason
        return STOPPED

    @override
    def keep(self, ctx: ActorContext[Any], message: Any) -> None:
        """Every routee is stopping. What the pool has when it stops becomes dead letters, and a restarted pool handles
        it.
        """
        if not self.stash(message):
            self.refuse(message, "all routees of the pool are stopping")
