"""The offset store that users make from a DSN."""

from contextlib import AbstractAsyncContextManager
from typing import Any, final

from casty.spi.offset_store import OpenOffsets

from casty_journal_postgres.options import PostgresOptions, normalized, shown


@final
class PostgresOffsets:
    """Offsets of projections, in the PostgreSQL database of their rows: a handler writes through its asyncpg
    connection, and rows and offset are committed together. The journal may be in the same database, or anywhere else.

    `dsn` is what libpq understands. `schema` is the PostgreSQL schema of the table `offsets`, which is made on first
    use. `command_timeout` is after how many seconds a statement fails, a handler's too. Raises `ConfigError` for a DSN
    that cannot be read.
    """

    def __init__(self, dsn: str, *, schema: str = "casty", command_timeout: float = 60.0) -> None:
        self._dsn = normalized(dsn)
        self._name = shown(dsn)
        self._options = PostgresOptions(schema=schema, command_timeout=command_timeout)

    def open(self) -> AbstractAsyncContextManager[OpenOffsets[Any]]:
        """See `OffsetStore`. The driver is loaded here, so that an unused plugin costs nothing."""
        from casty_journal_postgres.offset_table import open_offsets

        return open_offsets(self._dsn, self._name, self._options)
