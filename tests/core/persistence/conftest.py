"""Fixtures of the tests of event-sourced actors."""

import pytest
from casty import ActorSystem
from casty.testing import ManualClock

from tests.core.persistence.ledger import HandJournal


@pytest.fixture
def system(actor_system: ActorSystem) -> ActorSystem:
    return actor_system


@pytest.fixture
def clock(manual_time: ManualClock) -> ManualClock:
    """The clock of `system`, which stands still: back-off ends when the test says so."""
    return manual_time


@pytest.fixture
def journal() -> HandJournal:
    return HandJournal(by_hand=True)
