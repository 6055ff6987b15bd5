"""Says why an actor does not handle its messages: for warnings, snapshots and the text of a timeout."""

from typing import Any

from casty.ref import ActorRef
from casty.runtime.cell import PAUSED, STOPPED, Cell, LocalRef


def waits_for(ref: ActorRef[Any]) -> str:
    """Why the actor does not reply, as the end of a sentence; empty if the reason is unknown."""
    if not isinstance(ref, LocalRef):
        return ""
    cell = ref.cell
    if (because := why_paused(cell)) is not None:
        return f": {because}"
    if cell.state == STOPPED:
        return ": it has stopped, and others may still hold the reply reference"
    if cell.handler is None:
        return ": it is still starting"
    if cell.task is not None:
        return f": its handler awaits something, and {cell.waiting()} messages wait behind it"
    return f": {cell.waiting()} messages wait for it" if cell.waiting() else ""


def why_paused(cell: Cell) -> str | None:
    """Why the cell is in no queue although it has something to do; None if it is not paused."""
    extras = cell.extras
    if extras is not None and extras.backoff is not None:
        left = max(0.0, extras.backoff.due - cell.services.clock.time())
        return f"it waits {left:.1f} s more to restart after {extras.backoff.cause!r}"
    if cell.state != PAUSED:
        return None
    if cell.keeper is not None:
        return cell.keeper.why_paused(cell)
    return "it starts when the events of the command that spawned it are stored"
