"""The table of offsets in a PostgreSQL database. Each open store is one connection; a caller that loses it reopens."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, final

import asyncpg
from casty.errors import OffsetStoreError

from casty_journal_postgres.failures import FAILURES, with_cure
from casty_journal_postgres.options import PostgresOptions
from casty_journal_postgres.schema import LOCK_CLASS, adapted, ensure_schema, exists

CREATE: Final = """
CREATE TABLE {schema}.offsets (projection text COLLATE "C" PRIMARY KEY, reached bigint NOT NULL)
"""

OFFSET: Final = "SELECT reached FROM {schema}.offsets WHERE projection = $1"

LOCK: Final = f"{OFFSET} FOR UPDATE"

BEGIN: Final = "INSERT INTO {schema}.offsets VALUES ($1, 0) ON CONFLICT DO NOTHING"
"""Creates the row to lock. Waits for a concurrent insert of the same row."""

ADVANCE: Final = "UPDATE {schema}.offsets SET reached = $2 WHERE projection = $1"

_driver: Any = asyncpg
"""What it makes, it does not describe to a type checker."""


@asynccontextmanager
async def open_offsets(dsn: str, name: str, options: PostgresOptions) -> AsyncGenerator["PostgresOffsetTable"]:
    """The offsets at `dsn`, which messages call `name`. Raises `OffsetStoreError` if they cannot be opened."""
    with explained(name, "open"):
        connection = await _driver.connect(
            dsn,
            timeout=options.command_timeout,
            command_timeout=options.command_timeout,
            server_settings={"application_name": "casty"},
        )
    try:
        with explained(name, "open"):
            await _make_table(connection, options.schema)
        yield PostgresOffsetTable(connection, name, options.schema)
    finally:
        try:
            await connection.close(timeout=options.command_timeout)
        except FAILURES:
            connection.terminate()


async def _make_table(connection: Any, schema: str) -> None:
    if await exists(connection, schema, "offsets"):
        return
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", LOCK_CLASS)
        if not await exists(connection, schema, "offsets"):
            await ensure_schema(connection, schema)
            await connection.execute(adapted(CREATE, schema))


@final
class PostgresOffsetTable:
    """The offsets over one connection. A transaction holds the lock of its projection's row."""

    def __init__(self, connection: Any, name: str, schema: str) -> None:
        self._connection = connection
        self._name = name
        self._offset = adapted(OFFSET, schema)
        self._lock = adapted(LOCK, schema)
        self._begin = adapted(BEGIN, schema)
        self._advance = adapted(ADVANCE, schema)

    async def offset(self, name: str) -> int:
        with explained(self._name, "read"):
            return await self._connection.fetchval(self._offset, name) or 0

    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator["Transaction"]:
        # Read committed, whatever the role's default is: after waiting for the row, its new value must be visible.
        transaction = self._connection.transaction(isolation="read_committed")
        try:
            with explained(self._name, "write to"):
                await transaction.start()
                reached = await self._locked(name)
            yield Transaction(self._connection, self._name, self._advance, name, reached)
            with explained(self._name, "write to"):
                await transaction.commit()
        except BaseException:
            # The server rolls back the transaction of a lost connection.
            with suppress(*FAILURES):
                await transaction.rollback()
            raise

    async def _locked(self, name: str) -> int:
        reached = await self._connection.fetchval(self._lock, name)
        if reached is None:
            await self._connection.execute(self._begin, name)
            reached = await self._connection.fetchval(self._lock, name)
        return reached


@final
class Transaction:
    """A running transaction of one projection."""

    def __init__(self, connection: Any, store: str, statement: str, name: str, offset: int) -> None:
        self.offset = offset
        self.connection = connection
        self._store = store
        self._statement = statement
        self._name = name

    async def advance(self, offset: int) -> None:
        with explained(self._store, "write to"):
            await self.connection.execute(self._statement, self._name, offset)


@contextmanager
def explained(name: str, attempt: str) -> Generator[None]:
    """Turn the driver's errors into `OffsetStoreError`s that name the database, what was attempted, and the cure."""
    try:
        yield
    except FAILURES as error:
        raise OffsetStoreError(f"cannot {attempt} the offsets at {name}: {with_cure(error)}") from error
