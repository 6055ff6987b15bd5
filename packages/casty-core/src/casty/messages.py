"""Messages that the runtime sends to actors."""

from dataclasses import dataclass
from typing import Any

from casty.ref import ActorRef


@dataclass(frozen=True, slots=True)
class Terminated:
    """A watched actor has stopped; it follows everything that actor had told the watcher before."""

    ref: ActorRef[Any]
    reason: BaseException | None = None
    """The failure that stopped it; None if it was stopped."""
