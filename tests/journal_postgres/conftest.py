"""One server for all tests, and a PostgreSQL schema for each."""

from collections.abc import AsyncGenerator, Generator
from uuid import uuid4

import pytest
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.store import PostgresStore, open_store

from tests.journal_postgres.server import GIVEN, Admin, connected, own_server


@pytest.fixture(scope="session")
def dsn() -> Generator[str]:
    if GIVEN:
        yield GIVEN
    else:
        with own_server() as server:
            yield server.dsn


@pytest.fixture
async def admin(dsn: str) -> AsyncGenerator[Admin]:
    async with connected(dsn) as connection:
        yield connection


@pytest.fixture
async def options(admin: Admin) -> AsyncGenerator[PostgresOptions]:
    schema = f"test_{uuid4().hex}"
    yield PostgresOptions(schema=schema, command_timeout=60.0)  # it opens within 4 s on an idle machine only
    await admin.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture
async def store(dsn: str, options: PostgresOptions) -> AsyncGenerator[PostgresStore]:
    async with open_store(dsn, options) as opened:
        yield opened
