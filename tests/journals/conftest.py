"""Every journal, with nothing in it."""

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest
from casty.journal import InMemoryJournal, PostgresJournal, SqliteJournal, StoreJournal

from tests.journal_postgres.conftest import dsn as dsn
from tests.journal_postgres.server import connected


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[StoreJournal]:
    match request.param:
        case "memory":
            yield InMemoryJournal()
        case "sqlite":
            yield SqliteJournal(tmp_path / "events.db")
        case _:
            schema, server = f"test_{uuid4().hex}", request.getfixturevalue("dsn")
            yield PostgresJournal(server, schema=schema)
            async with connected(server) as admin:
                await admin.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
