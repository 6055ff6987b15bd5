"""The running system of these tests."""

import pytest
from casty import ActorSystem


@pytest.fixture
def system(actor_system: ActorSystem) -> ActorSystem:
    return actor_system
