"""Waiting until something is true of nodes that run in this very loop."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool]) -> None:
    """The test's timeout ends it."""
    while not holds():  # noqa: ASYNC110 - nobody tells of what is waited for
        await asyncio.sleep(0)
