"""The pending look-ups of a client: sent to its contact, and again to the next one if that is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import final

from casty.errors import CastyError, ClientRefusedError

from casty_cluster.wire.client import Found, Instance, Lookup


@dataclass(slots=True)
class _Pending:
    key: str
    listing: "asyncio.Future[list[Instance]]"
    found: list[Instance] = field(default_factory=list[Instance])
    """So far."""


@final
class Lookups:
    """A look-up has no effect on a node, so that it can be repeated."""

    def __init__(self, send: Callable[[Lookup], None]) -> None:
        """`send` sends to the contact, or does nothing while there is none."""
        self._send = send
        self._numbers = count(1)
        self._pending: dict[int, _Pending] = {}

    async def find(self, key: str) -> list[Instance]:
        """Return what is registered under the key. Raises `ClientRefusedError` where clients may not look it up."""
        pending = _Pending(key, asyncio.get_running_loop().create_future())
        self._start(pending)
        try:
            return await pending.listing
        finally:
            self._pending = {number: other for number, other in self._pending.items() if other is not pending}

    def repeat(self) -> None:
        """Send all pending look-ups to a new contact. Late replies of the old one do not count."""
        pending, self._pending = self._pending, {}
        for lookup in pending.values():
            lookup.found.clear()
            self._start(lookup)

    def received(self, found: Found) -> None:
        pending = self._pending.get(found.number)
        if pending is None or pending.listing.done():
            return
        pending.found += found.instances
        if found.refusal is not None:
            pending.listing.set_exception(ClientRefusedError(found.refusal))
        elif found.is_last:
            pending.listing.set_result(pending.found)

    def fail(self, error: CastyError) -> None:
        for pending in self._pending.values():
            if not pending.listing.done():
                pending.listing.set_exception(error)

    def _start(self, pending: _Pending) -> None:
        number = next(self._numbers)
        self._pending[number] = pending
        self._send(Lookup(number, pending.key))
