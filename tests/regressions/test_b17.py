"""B17: what another node sends never makes this one import a module."""

import sys
from collections.abc import AsyncGenerator

import pytest
from casty import ActorSystem, Behaviors
from casty.serialization.packing import extension, pack
from casty.serialization.tags import TAG, Tag
from casty_cluster.wire import frames

from tests.cluster.remoting.pair import Side, pair

UNUSED = "wave"
"""A module of the standard library that nothing here has imported."""


@pytest.fixture
async def nodes() -> AsyncGenerator[tuple[Side, Side]]:
    async with pair(lambda: ActorSystem("demo")) as joined:
        yield joined


async def test_b17_a_message_of_a_module_that_is_not_loaded_loads_nothing(
    nodes: tuple[Side, Side], caplog: pytest.LogCaptureFixture
) -> None:
    here, there = nodes
    ref = here.system.spawn(Behaviors.ignore(), "target")
    sys.modules.pop(UNUSED, None)
    before = set(sys.modules)
    body = pack([extension(TAG, Tag.NAMED.value), f"{UNUSED}:Error", 1, []])
    target = frames.write_target("/target", ref.address.uid, "msgpack")
    here.delivery.received(there.node, frames.tell(target, body))
    assert "cannot be read" in caplog.text
    assert UNUSED in caplog.text
    assert set(sys.modules) == before
