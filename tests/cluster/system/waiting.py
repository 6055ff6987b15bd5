"""Waiting until something is true of nodes that run in this event loop."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds. The test's timeout bounds it."""
    while not holds():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0)
