"""Messages that are not the users' own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from casty.ref import ActorRef


@dataclass(frozen=True, slots=True)
class Terminated:
    """A watched actor has stopped; it follows everything that actor had told the watcher before."""

    ref: ActorRef[Any]
    reason: BaseException | None = None
    """The failure that stopped it; None if it was stopped."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a type that has no field for a reply reference, and the reference beside it.

    Asks of class-based actors send it. To logs and errors it is the message that it carries.
    """

    message: Any
    reply_to: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Creating:
    """A message for a class-based actor of a cluster, and what its instance is made with if there is none."""

    message: Any
    arguments: Mapping[str, Any]
    durable: bool


def kind_of(message: object) -> type:
    """The type of the message that the sender has sent."""
    while isinstance(message, Asked | Creating):
        message = cast("object", message.message)
    return type(message)
