"""Routers, as values: actors that pass each message on to one of several others, their routees."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from casty.behaviors.behavior import Behavior
from casty.behaviors.clustered import ServiceKey
from casty.behaviors.functions import checked_plain
from casty.errors import ArgumentError
from casty.ref import ActorRef


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Choose the routees in turn."""


@dataclass(frozen=True, slots=True)
class RandomChoice:
    """Choose a routee at random: for groups, as many routers that take turns would all begin with the same routee."""


@dataclass(frozen=True, slots=True)
class LeastMailbox:
    """Choose a routee of this node with the fewest waiting messages, one that is idle if there is any.

    Mailboxes of other nodes cannot be seen: their actors are chosen in turn, where none of this node is left. Of many
    routees, 64 are compared for each message.
    """


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True)
class ConsistentHashing[M]:
    """Choose the same routee for each message whose `key(message)` is the same, as long as the routees are the same.

    When a routee is added or removed, only the keys move that it gets or had. All nodes choose alike.
    """

    key: Callable[[M], str | int | bytes]

    def __post_init__(self) -> None:
        checked_plain(self.key, 1, "key of ConsistentHashing", "key(message) -> str | int | bytes")


type Routing[M] = RoundRobin | RandomChoice | LeastMailbox | ConsistentHashing[M]
"""How a router chooses the routee of a message."""


class RouterRef[M](ActorRef[M]):
    """A router: the reference that `spawn` returns for `Behaviors.pool` and `Behaviors.group`. A message told to it, or
    an ask, goes to one of its routees.
    """

    __slots__ = ()

    @abstractmethod
    def broadcast(self, message: M) -> None:
        """Tell all routees the message."""
        ...


class RouterBehavior[M](Behavior[M]):
    """What `Behaviors.pool` and `Behaviors.group` make."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PoolBehavior[M](RouterBehavior[M]):
    """A router whose routees are its children; see `Behaviors.pool`."""

    size: int
    factory: Callable[[], Behavior[M]]
    routing: Routing[M]


@dataclass(frozen=True, slots=True)
class GroupBehavior[M](RouterBehavior[M]):
    """A router whose routees are the actors registered under a key; see `Behaviors.group`."""

    key: ServiceKey[M]
    routing: Routing[M]


def checked_routing[M](routing: Routing[M], taker: str) -> Routing[M]:
    """Raises `ArgumentError` for what is no strategy of ours."""
    if not isinstance(cast("object", routing), RoundRobin | RandomChoice | LeastMailbox | ConsistentHashing):
        advice = "; make one: " + routing.__name__ + "(...)" if isinstance(routing, type) else ""
        raise ArgumentError(
            f"routing of {taker} is RoundRobin(), RandomChoice(), LeastMailbox() or ConsistentHashing(key), not "
            f"{routing!r}{advice}"
        )
    return routing


def checked_key[M](key: ServiceKey[M], taker: str) -> ServiceKey[M]:
    """Raises `ArgumentError` for what actors cannot be registered under."""
    if not isinstance(cast("object", key), ServiceKey):
        raise ArgumentError(f"key of {taker} is ServiceKey(name), not {key!r}")
    return key
