"""How a router chooses the routee of a message: the strategies of `casty.behaviors.routing` at work."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, override

from casty.behaviors.routing import ConsistentHashing, LeastMailbox, RandomChoice, RoundRobin, Routing
from casty.ref import ActorRef
from casty.runtime.cell import IDLE, LocalRef
from casty.runtime.mailbox import CLOSED
from casty.runtime.routing.ring import Ring, hash_of

COMPARED: Final = 64
"""Mailboxes that are looked at for one message."""


class Chooser(ABC):
    """Chooses among routees. One that is stopping is passed over before the router is notified of its end."""

    def __init__(self) -> None:
        self.routees: Sequence[ActorRef[Any]] = ()
        self._turn = -1

    def change(self, routees: Sequence[ActorRef[Any]]) -> None:
        """From now on these are the routees."""
        self.routees = routees

    @abstractmethod
    def choose(self, message: Any) -> ActorRef[Any] | None:
        """The routee for the message; None if there is none. Raises `BehaviorError` for a message that cannot be
        placed.
        """

    def _next(self) -> ActorRef[Any] | None:
        """The next routee in turn that is open."""
        routees = self.routees
        for _ in routees:
            self._turn = turn = (self._turn + 1) % len(routees)
            routee = routees[turn]
            if is_open(routee):
                return routee
        return None


class InTurn(Chooser):
    """`RoundRobin`."""

    @override
    def choose(self, message: Any) -> ActorRef[Any] | None:
        turn = self._turn + 1
        if turn < len(self.routees):
            routee = local = self.routees[turn]
            if type(local) is LocalRef and local.cell.admission is None:
                self._turn = turn
                return routee
        return self._next()


class AtRandom(Chooser):
    """`RandomChoice`."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    @override
    def choose(self, message: Any) -> ActorRef[Any] | None:
        if not self.routees:
            return None
        routee = self.routees[int(self._random.random() * len(self.routees))]
        return routee if is_open(routee) else self._next()


class LeastBusy(Chooser):
    """`LeastMailbox`."""

    @override
    def change(self, routees: Sequence[ActorRef[Any]]) -> None:
        super().change(sorted(routees, key=lambda routee: not isinstance(routee, LocalRef)))
        self._local = sum(isinstance(routee, LocalRef) for routee in routees)

    @override
    def choose(self, message: Any) -> ActorRef[Any] | None:
        routees, best, least = self.routees, None, float("inf")
        local = self._local if routees else 0
        for _ in range(min(local, COMPARED)):
            # The turn moves on, so that idle routees share the work, and of many each is compared some time.
            self._turn = turn = (self._turn + 1) % local
            routee: Any = routees[turn]
            cell = routee.cell
            if cell.state == IDLE:
                return routee
            if is_open(routee) and (waiting := cell.waiting()) < least:
                best, least = routee, waiting
        return best or self._next()


class ByHash(Chooser):
    """`ConsistentHashing`."""

    def __init__(self, key: Callable[[Any], object]) -> None:
        super().__init__()
        self._key = key
        self._ring = Ring()

    @override
    def change(self, routees: Sequence[ActorRef[Any]]) -> None:
        super().change(routees)
        self._ring = Ring(routees)

    @override
    def choose(self, message: Any) -> ActorRef[Any] | None:
        place = hash_of(self._key, message)
        return next(filter(is_open, self._ring.beginning_at(place)), None)


def is_open(routee: Any) -> bool:
    """Whether it takes messages, as far as this node can see."""
    # By its type first: every message is asked, and an abstract class is slow to tell its instances.
    if type(routee) is LocalRef or isinstance(routee, LocalRef):
        return routee.cell.admission is not CLOSED
    return True


def chooser(routing: Routing[Any], random: Random) -> Chooser:
    match routing:
        case RoundRobin():
            return InTurn()
        case RandomChoice():
            return AtRandom(random)
        case LeastMailbox():
            return LeastBusy()
        case ConsistentHashing(key):
            return ByHash(key)
