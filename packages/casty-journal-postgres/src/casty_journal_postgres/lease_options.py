"""What is known of the leases in a PostgreSQL database before they are opened."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from casty.spi.lease import LeaseStore

from casty_journal_postgres.options import PostgresOptions, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresLeaseOptions:
    schema: str = "casty"
    """The PostgreSQL schema that holds the table `leases`. It is made if it is missing."""
    command_timeout: float = 3.0
    """Seconds after which an attempt fails; a lease that cannot be renewed is lost soon, so it is short."""

    def __post_init__(self) -> None:
        PostgresOptions(schema=self.schema, command_timeout=self.command_timeout)


def open_dsn(dsn: str, options: PostgresLeaseOptions) -> AbstractAsyncContextManager[LeaseStore]:
    """The leases at `dsn`. The driver is loaded here. Raises `ConfigError` for a DSN that cannot be read."""
    from casty_journal_postgres.lease_table import open_leases

    shown(dsn)
    return open_leases(dsn, options)
