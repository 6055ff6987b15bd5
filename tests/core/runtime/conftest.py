"""Fixtures of the runtime's tests: a running system, and one whose patience is short."""

from collections.abc import AsyncIterator

import pytest
from casty import ActorSystem, CastyConfig
from casty.config import SystemConfig
from casty.testing import ManualClock


@pytest.fixture
def system(actor_system: ActorSystem) -> ActorSystem:
    return actor_system


@pytest.fixture
async def hasty() -> AsyncIterator[ActorSystem]:
    """A system that waits 20 ms for a handler before it cancels it to stop its actor."""
    config = CastyConfig(system=SystemConfig(stop_timeout=0.02))
    async with ActorSystem(config=config) as system:
        yield system


@pytest.fixture
def clock(manual_time: ManualClock) -> ManualClock:
    """The clock of `system`, which stands still."""
    return manual_time
