"""A router whose routees are the actors that are registered under a key, on any node."""

import logging
from dataclasses import dataclass
from typing import Any, Final, override

from casty.behaviors.context import ActorContext
from casty.behaviors.discovery import Listing, Subscribe
from casty.behaviors.routing import GroupBehavior
from casty.behaviors.values import SAME, Behavior, ReceiveBehavior
from casty.ref import ActorRef
from casty.runtime.cell import Cell
from casty.runtime.children import spawn_cell
from casty.runtime.context import STASH_CAPACITY
from casty.runtime.logs import about
from casty.runtime.routing.router import Notice, Router
from casty.runtime.signals import Unstash

logger = logging.getLogger("casty")

PATIENCE: Final = 3.0
"""Seconds that messages wait for the first routee: less than the 5 of an ask, which fails with the reason."""
_TIMER: Final = "patience"


@dataclass(frozen=True, slots=True)
class Listed(Notice):
    """The receptionist has published the actors under the key."""

    routees: tuple[ActorRef[Any], ...]


@dataclass(frozen=True, slots=True)
class OutOfPatience(Notice):
    """Messages have waited for `PATIENCE` seconds."""


class Group(Router[GroupBehavior[Any]]):
    """Without a routee, messages are stashed for `PATIENCE` seconds, and undeliverable from then on until there is
    one.
    """

    def __init__(self, cell: Cell, behavior: GroupBehavior[Any]) -> None:
        super().__init__(cell, behavior, behavior.routing)
        self._is_listed = False
        self._waits = False
        self._is_forsaken = False

    @override
    async def start(self) -> None:
        async def listen(_: object, listing: Listing[Any]) -> Behavior[Any]:
            routees = (instance.ref for instance in listing.instances if instance.ref != self.cell.ref)
            self.cell.deliver(Listed(tuple(dict.fromkeys(routees))))  # however full the mailbox is
            return SAME

        # A child, as a subscription ends with the actor that has it, and this one may restart.
        listener = spawn_cell(self.cell, ReceiveBehavior(listen), "_listener", None)
        services = self.cell.services
        services.dead_letters.tell(services.receptionist, Subscribe(self.behavior.key, listener.ref))

    @override
    def notice(self, ctx: ActorContext[Any], notice: Notice) -> Behavior[Any]:
        match notice:
            case Listed(routees):
                self._is_listed = True
                self.routees = routees
                if routees:
                    self._is_forsaken = self._waits = False
                    ctx.timers.cancel(_TIMER)
                    self.cell.signal(Unstash())
            case OutOfPatience():
                self._waits, self._is_forsaken = False, True
                ctx.timers.cancel(_TIMER)
                stash = self.cell.own_extras().stash
                unread = list(stash)
                stash.clear()
                for message in unread:
                    self.refuse(message, self._reason)
            case _:
                pass
        return SAME

    @override
    def keep(self, ctx: ActorContext[Any], message: Any) -> None:
        if self._is_forsaken or not self.stash(message):
            self.refuse(message, self._reason)
        elif not self._waits:
            self._waits = True
            # It repeats, as a full mailbox may have no room for it.
            ctx.timers.start(_TIMER, OutOfPatience(), every=PATIENCE)
            if self._is_listed:
                logger.warning(
                    "%s has no routees: %s; up to %d messages wait for one, for %g s",
                    self.cell.path,
                    self._reason,
                    STASH_CAPACITY,
                    PATIENCE,
                    extra=about(self.cell),
                )

    @property
    def _reason(self) -> str:
        name = self.behavior.key.name
        return f"no actor is registered under {name!r}; spawn one with Behaviors.discoverable(behavior, key)"
