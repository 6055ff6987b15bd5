"""A running system for the regressions of the local runtime."""

import pytest
from casty import ActorSystem


@pytest.fixture
def system(actor_system: ActorSystem) -> ActorSystem:
    return actor_system
