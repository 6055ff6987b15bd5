"""The table of leases in a PostgreSQL database. Only the server's clock decides when a lease has expired.

A session's advisory lock would be no lease: over a half-open connection, its holder does not know whether the server
still grants it.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, final

import asyncpg
from casty.errors import LeaseError
from casty.spi.lease import LeaseGrant

from casty_journal_postgres.failures import FAILURES, with_cure
from casty_journal_postgres.lease_options import PostgresLeaseOptions
from casty_journal_postgres.options import shown
from casty_journal_postgres.schema import LOCK_CLASS, adapted, ensure_schema, exists

CONNECTIONS: Final = 2

CREATE: Final = """
CREATE TABLE {schema}.leases (
    name    text COLLATE "C" PRIMARY KEY,
    owner   text COLLATE "C" NOT NULL,
    token   bigint NOT NULL,
    expires timestamptz NOT NULL
)
"""

ACQUIRE: Final = """
INSERT INTO {schema}.leases AS lease VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE SET
    owner = excluded.owner,
    token = lease.token + CASE WHEN clock_timestamp() < lease.expires THEN 0 ELSE 1 END,
    expires = clock_timestamp() + make_interval(secs => $3)
WHERE lease.owner = excluded.owner OR lease.expires <= clock_timestamp()
RETURNING token
"""
"""A statement that waited for the row reads the clock after the wait: `clock_timestamp` moves within a statement."""

RELEASE: Final = """
UPDATE {schema}.leases SET expires = '-infinity' WHERE name = $1 AND token = $2 AND clock_timestamp() < expires
RETURNING token
"""
"""The row stays because of its token, which is never granted again."""

_driver: Any = asyncpg
"""What it makes, it does not describe to a type checker."""


@asynccontextmanager
async def open_leases(dsn: str, options: PostgresLeaseOptions) -> AsyncGenerator["PostgresLeases"]:
    """The leases at `dsn`. Raises `LeaseError` if they cannot be opened."""
    name = shown(dsn)
    with explained(name, "open"):
        pool = await _driver.create_pool(
            dsn,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=options.command_timeout,
            command_timeout=options.command_timeout,
            reset=_keep,
            server_settings={
                "application_name": "casty",
                # Ends abandoned statements on the server as well.
                "statement_timeout": str(max(1, round(options.command_timeout * 1000))),
                "default_transaction_isolation": "read committed",
            },
        )
    try:
        with explained(name, "open"):
            async with pool.acquire(timeout=options.command_timeout) as connection:
                await _make_table(connection, options.schema)
        yield PostgresLeases(pool, name, options)
    finally:
        pool.terminate()


async def _keep(connection: Any) -> None:
    """Do not reset a connection that returns to its pool: sessions have no state."""


async def _make_table(connection: Any, schema: str) -> None:
    if await exists(connection, schema, "leases"):
        return
    async with connection.transaction(isolation="read_committed"):
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", LOCK_CLASS)
        if not await exists(connection, schema, "leases"):
            await ensure_schema(connection, schema)
            await connection.execute(adapted(CREATE, schema))


@final
class PostgresLeases:
    """See `casty.spi.lease.LeaseStore`. Every failed operation may be retried, over another connection."""

    __slots__ = ("_acquire", "_name", "_pool", "_release", "_timeout")

    def __init__(self, pool: Any, name: str, options: PostgresLeaseOptions) -> None:
        self._pool = pool
        self._name = name
        self._timeout = options.command_timeout
        self._acquire = adapted(ACQUIRE, options.schema)
        self._release = adapted(RELEASE, options.schema)

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        token = await self._execute(f"acquire {name!r} from", self._acquire, name, owner, seconds)
        return None if token is None else LeaseGrant(token, seconds)

    async def release(self, name: str, token: int) -> bool:
        return await self._execute(f"give {name!r} back to", self._release, name, token) is not None

    async def _execute(self, attempt: str, statement: str, *parameters: object) -> int | None:
        with explained(self._name, attempt):
            # A connection that does not respond in time is not used again: the pool closes it.
            async with self._pool.acquire(timeout=self._timeout) as connection:
                return await connection.fetchval(statement, *parameters)


@contextmanager
def explained(name: str, attempt: str) -> Generator[None]:
    """Turn the driver's errors into `LeaseError`s that name the database, what was attempted, and the cure."""
    try:
        yield
    except FAILURES as error:
        raise LeaseError(f"cannot {attempt} the leases at {name}: {with_cure(error)}") from error
