"""Fixtures of the tests of reliable delivery."""

import pytest
from casty import ActorSystem
from casty.testing import ManualClock


@pytest.fixture
def system(actor_system: ActorSystem) -> ActorSystem:
    return actor_system


@pytest.fixture
def clock(manual_time: ManualClock) -> ManualClock:
    """The clock of `system`, which stands still."""
    return manual_time
