"""A PostgreSQL server that may be killed, places for journals, and a lot that can be drawn again."""

from collections.abc import Callable, Generator
from itertools import count
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
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URLs of journals of each kind, with nothing in them."""
    if request.param == "postgresql":
        return cast("OwnServer", request.getfixturevalue("server")).new_database
    numbers = count(1)
    return lambda: f"sqlite:///{tmp_path}/bank-{next(numbers)}.db"


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """A journal of each kind, with nothing in it."""
    return new_url()


@pytest.fixture
def random() -> Random:
    print(f"CASTY_CHAOS_SEED={SEED}")
    return Random(SEED)
