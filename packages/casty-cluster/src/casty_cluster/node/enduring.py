"""What all of Casty's own actors have in common: neither a failure nor a stray message takes a node's service away."""

import logging
from typing import Any, Final

from casty import ActorContext, Behavior, Behaviors, Directive, OneForOneStrategy
from casty.clock import Clock
from casty.extension import Throttle

logger = logging.getLogger("casty.cluster")

_RESUMING: Final = OneForOneStrategy(decider=lambda _: Directive.resume)


def enduring[M](behavior: Behavior[M]) -> Behavior[M]:
    """Goes on after any failure: what it cannot do for one must not take it from the others."""
    return Behaviors.supervise(behavior, _RESUMING)


class Strays:
    """Messages of a type that an internal actor does not take: ignored, with a few lines in the log."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._throttle = Throttle(clock)
        self._name = name

    def ignore(self, message: Any) -> None:
        kind = type(message).__qualname__
        if self._throttle.admits(kind):
            logger.warning("/%s ignores a message of type %s, which it does not take", self._name, kind)


def ignoring(clock: Clock, name: str) -> Behavior[Any]:
    """Takes no message at all."""
    strays = Strays(clock, name)

    async def ignore(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        strays.ignore(message)
        return Behaviors.same()

    return enduring(Behaviors.receive(ignore))
