"""A PostgreSQL server that may be killed, places for journals, and a lot that can be drawn again."""

from collections.abc import Generator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from tests.chaos.bank import SEED
from tests.journal_postgres.server import OwnServer, own_server


@pytest.fixture(scope="module")
def server() -> Generator[OwnServer]:
    with own_server() as running:
        yield running


@pytest.fixture
def database(server: OwnServer) -> str:
    """The DSN of a new database."""
    return server.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal of each kind, with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bank.db"
    return cast("str", request.getfixturevalue("database"))


@pytest.fixture
def random() -> Random:
    print(f"CASTY_CHAOS_SEED={SEED}")
    return Random(SEED)
