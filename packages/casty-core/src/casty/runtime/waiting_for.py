"""Says why an actor has not answered yet: for the text of a timeout."""

from typing import Any

from casty.ref import ActorRef
from casty.runtime.cell import PAUSED, STOPPED, LocalRef


def waits_for(ref: ActorRef[Any]) -> str:
    """What keeps the actor from answering, as the end of a sentence; nothing where nothing is known."""
    if not isinstance(ref, LocalRef):
        return ""
    cell = ref.cell
    life = cell.life
    if life is not None and life.backoff is not None:
        left = max(0.0, life.backoff.due - cell.kernel.clock.time())
        return f": it waits {left:.1f} s more to restart after {life.backoff.cause!r}"
    if cell.state == STOPPED:
        return ": it has stopped, and others may still hold the reply reference"
    if cell.state == PAUSED:
        return ": it starts when the events of the command that spawned it are stored"
    if cell.handler is None:
        return ": it is still starting"
    if cell.task is not None:
        return f": its handler awaits something, and {cell.waiting()} messages wait behind it"
    return f": {cell.waiting()} messages wait for it" if cell.waiting() else ""
