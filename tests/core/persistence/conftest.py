"""Fixtures of the tests of event-sourced actors."""

from collections.abc import AsyncIterator

import pytest
from casty import ActorSystem

from tests.core.persistence.ledger import HandJournal
from tests.core.runtime.probe import ManualClock, own_time


@pytest.fixture
async def system() -> AsyncIterator[ActorSystem]:
    async with ActorSystem() as system:
        yield system


@pytest.fixture
def clock(system: ActorSystem) -> ManualClock:
    """The clock of `system`, which stands still: back-off ends when the test says so."""
    return own_time(system)


@pytest.fixture
def journal() -> HandJournal:
    return HandJournal(by_hand=True)
