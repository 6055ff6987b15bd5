"""The leases that a configuration names by a DSN."""

from contextlib import AbstractAsyncContextManager

from casty.spi.lease import LeaseStore

from casty_journal_postgres.lease_options import PostgresLeaseOptions
from casty_journal_postgres.options import normalized, shown


def open_dsn(dsn: str, options: PostgresLeaseOptions) -> AbstractAsyncContextManager[LeaseStore]:
    """The leases at `dsn`. The driver is loaded here, so that an unused plugin costs nothing. Raises
    `ConfigError` for a DSN that cannot be read.
    """
    from casty_journal_postgres.lease_table import open_leases

    shown(dsn)
    return open_leases(normalized(dsn), options)
