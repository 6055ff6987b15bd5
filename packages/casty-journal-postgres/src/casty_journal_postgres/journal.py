"""The journal that users make from a DSN."""

from contextlib import AbstractAsyncContextManager
from typing import final

from casty.journal import StoreJournal
from casty.spi.journal import JournalStore
from casty.spi.serializer import Serializer

from casty_journal_postgres.options import CAPABILITIES, PostgresOptions, shown


@final
class PostgresJournal(StoreJournal):
    """Events in a PostgreSQL database, whose tables are made on first use.

    `dsn` is what libpq understands, such as "postgresql://user:password@host/database?sslmode=verify-full". `schema` is
    the PostgreSQL schema of the tables; `pool_size` is the number of reading connections, besides two that append;
    `command_timeout` is the number of seconds after which an operation fails if the server does not respond.
    With `read_only` it reads an existing journal and changes nothing. Raises `ConfigError` for a DSN that
    cannot be read.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "casty",
        pool_size: int = 4,
        command_timeout: float = 4.0,
        read_only: bool = False,
        serializer: Serializer | None = None,
    ) -> None:
        options = PostgresOptions(
            schema=schema, pool_size=pool_size, command_timeout=command_timeout, read_only=read_only
        )
        shown(dsn)
        super().__init__(lambda: open_dsn(dsn, options), capabilities=CAPABILITIES, serializer=serializer)


def open_dsn(dsn: str, options: PostgresOptions) -> AbstractAsyncContextManager[JournalStore]:
    """The store at `dsn`. The driver is loaded here, so that an unused plugin costs nothing."""
    from casty_journal_postgres.store import open_store

    return open_store(dsn, options)
