"""Asks that are repeated until the actor has started on another node."""

import asyncio
from typing import Any

from casty import ActorStoppedError, LocalRef, NodeLostError

MOVED = (ActorStoppedError, NodeLostError, TimeoutError)
"""What an ask may end with while its actor moves to another node."""


async def reached(ref: LocalRef[Any], message: Any, again: tuple[type[Exception], ...] = MOVED) -> Any:
    """The reply to the first ask that gets one. An ask that ends with one of the errors `again` is repeated."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ref.ask(message, timeout=10.0)
            except again:
                await asyncio.sleep(0.05)
