"""A running system for the regressions of the local runtime."""

from collections.abc import AsyncIterator

import pytest
from casty import ActorSystem


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        yield system
