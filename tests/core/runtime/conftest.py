"""Fixtures of the runtime's tests: a running system, and one whose patience is short."""

from collections.abc import AsyncIterator

import pytest
from casty import ActorSystem, CastyConfig
from casty.config import SystemConfig

from tests.core.runtime.probe import ManualClock, own_time


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        yield system


@pytest.fixture
async def hasty() -> AsyncIterator[ActorSystem]:
    """A system that waits 20 ms for a handler before it cancels it to stop its actor."""
    config = CastyConfig(system=SystemConfig(stop_timeout=0.02))
    async with ActorSystem(config=config) as system:
        yield system


@pytest.fixture
def clock(system: ActorSystem) -> ManualClock:
    """The clock of `system`, which stands still."""
    return own_time(system)
