"""A coordinator for each test that asks for one."""

import pytest
from casty_cluster.wire.sharding import GetHome, Started

from tests.cluster.protocol.sharding.coordination import FIRST, Part, active
from tests.cluster.protocol.sharding.membership import A, B, C


@pytest.fixture
def coordinator() -> Part:
    """All of A, B and C have reported. Shards go to B."""
    return active(A, B, C)


@pytest.fixture
def owned(coordinator: Part) -> Part:
    """Shard 7 runs on B, and C knows it."""
    coordinator.hear(C, GetHome(7, 0))
    coordinator.hear(B, Started(7, FIRST))
    return coordinator
