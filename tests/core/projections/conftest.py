"""What most tests of projections need: a journal over a store that can fail, and a database for rows."""

import pytest
from casty.journal import StoreJournal

from tests.core.projections.fakes import Database, FailingStore, database, journal_over


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def journal(store: FailingStore) -> StoreJournal:
    return journal_over(store)


@pytest.fixture
def target() -> Database:
    return database()
