"""Output commit: what a command handler sends stays here until its events are durable. Once released, an outbox holds
nothing back any more.
"""

import logging
from collections.abc import Callable
from typing import Any

from casty.interruption import raise_unless_failure
from casty.output_commit import CURRENT, OPEN

logger = logging.getLogger("casty")


class Outbox:
    """What one command has sent so far, in order."""

    __slots__ = ("_held", "_undoing", "undecided")

    def __init__(self) -> None:
        self._held: list[tuple[Callable[[Any], object], Any]] | None = None
        self._undoing: list[tuple[Callable[[Any], object], Any]] | None = None
        self.undecided = True
        """Whether the command's handler still runs."""
        OPEN.add(self)

    @property
    def is_empty(self) -> bool:
        """Whether the command has sent nothing so far."""
        return not self._held

    async def predecessors(self) -> None:
        """Wait until the events of every earlier command of the same actor are durable. Without any, they are."""

    def hold(self, deliver: Callable[[Any], object], message: Any) -> None:
        """Call `deliver(message)` at the release."""
        if self._held is None:
            self._held = []
        self._held.append((deliver, message))

    def undo_with(self, undo: Callable[[Any], object], what: Any) -> None:
        """Call `undo(what)` if the command turns out not to have happened."""
        if self._undoing is None:
            self._undoing = []
        self._undoing.append((undo, what))

    def release(self) -> None:
        """Send everything, in order; from now on the command's tasks send straight through."""
        OPEN.discard(self)
        # Tasks of the handler keep the outbox: what it has sent must not live as long, as an ask that waits for its
        # reply would never learn that no actor has its reply reference any more.
        held, self._held = self._held, None
        if held:
            # The code that releases it may act on behalf of another command.
            token = CURRENT.set(None)
            try:
                for deliver, message in held:
                    try:
                        deliver(message)
                    except BaseException as error:
                        raise_unless_failure(error)
                        logger.exception("what a command handler sent could not be delivered: %r", deliver)
            finally:
                CURRENT.reset(token)

    def discard(self) -> None:
        """Send nothing of it, ever: the command has not happened. Its tasks may send again."""
        OPEN.discard(self)
        self._held = None
        undoing, self._undoing = self._undoing or (), None
        for undo, what in undoing:
            undo(what)
