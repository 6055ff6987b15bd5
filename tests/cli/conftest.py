"""Places for journals: a file, and a schema of a PostgreSQL server."""

from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.histories import Place
from tests.journal_postgres.server import GIVEN, own_server


@pytest.fixture(autouse=True)
def away_from_any_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def dsn() -> Generator[str]:
    if GIVEN:
        yield GIVEN
    else:
        with own_server() as server:
            yield server.dsn


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/events.db")


@pytest.fixture
def postgres(dsn: str) -> Place:
    """The first writer creates a schema of that name, which is deleted with the server."""
    return Place(dsn, (f"schema=cli_{uuid4().hex}",))


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    """A journal of each kind, with nothing in it."""
    return request.getfixturevalue(request.param)
