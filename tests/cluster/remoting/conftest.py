"""Two joined nodes for each test that asks for them."""

from collections.abc import AsyncGenerator

import pytest
from casty import ActorSystem

from tests.cluster.remoting.pair import Side, pair


@pytest.fixture
async def nodes() -> AsyncGenerator[tuple[Side, Side]]:
    async with pair(lambda: ActorSystem("demo")) as joined:
        yield joined
