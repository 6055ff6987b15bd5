"""Reads of a shard's entities that wait until its primary is certain that no other one has followed it."""

import asyncio
from typing import final

from casty.errors import CastyError


@final
class OpenReads:
    """Those of one copy, by the numbers that its machine knows them by."""

    def __init__(self) -> None:
        self._number = 0
        self._open: dict[int, asyncio.Future[None]] = {}

    def add(self) -> tuple[int, asyncio.Future[None]]:
        """The number of a new read, and its outcome."""
        self._number += 1
        outcome = self._open[self._number] = asyncio.get_running_loop().create_future()
        return self._number, outcome

    def confirmed(self, number: int) -> None:
        """What the entity had when the read was added is current."""
        outcome = self._open.pop(number, None)
        if outcome is not None and not outcome.done():
            outcome.set_result(None)

    def failed(self, number: int, error: CastyError) -> None:
        """Whether it is current is not known."""
        outcome = self._open.pop(number, None)
        if outcome is not None and not outcome.done():
            outcome.set_exception(error)

    def fail(self, error: CastyError) -> None:
        """No read that is open will be confirmed."""
        for number in list(self._open):
            self.failed(number, error)
