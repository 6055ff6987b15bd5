"""Code that ignores its cancellation, for tests of what happens then."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from casty import Behaviors, CastyConfig
from casty.config import SystemConfig
from casty.testing import settle

STOP_TIMEOUT = 0.05
ENOUGH = 5.0
"""Seconds: far more than any shutdown here may take on a busy machine, and far less than for ever."""


class Stubborn:
    """Waits for its gate and ignores cancellation."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.cancelled = 0
        self.ended = asyncio.Event()

    async def wait(self, *_anything: object) -> Any:
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
        self.ended.set()
        return Behaviors.same()


@asynccontextmanager
async def stubborn() -> AsyncGenerator[Stubborn]:
    """User code that is let go at the end of a test."""
    code = Stubborn()
    try:
        yield code
    finally:
        code.gate.set()
        if code.cancelled:
            await code.ended.wait()
            await settle()


def hasty_config() -> CastyConfig:
    return CastyConfig(system=SystemConfig(stop_timeout=STOP_TIMEOUT))
