"""Messages that are not the users' own."""

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


def kind_of(message: object) -> type:
    """The type of the message that the sender has sent."""
    return type(cast("object", message.message) if type(message) is Asked else message)
