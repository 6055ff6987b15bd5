"""Asks that are repeated until the actor has started on another node."""

import asyncio
from typing import Any

from casty import ActorStoppedError, LocalRef, NodeLostError


async def reached(ref: LocalRef[Any], message: Any) -> Any:
    """The reply to the first ask that gets one."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ref.ask(message, timeout=10.0)
            except (ActorStoppedError, NodeLostError, TimeoutError):
                await asyncio.sleep(0.05)
