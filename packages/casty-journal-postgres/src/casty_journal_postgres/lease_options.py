"""The options of leases in a PostgreSQL database."""

from dataclasses import dataclass

from casty_journal_postgres.options import PostgresOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresLeaseOptions:
    schema: str = "casty"
    """The PostgreSQL schema of the table `leases`, created if it is missing."""
    command_timeout: float = 3.0
    """Seconds after which an attempt fails; short, because a lease that cannot be renewed is lost soon."""

    def __post_init__(self) -> None:
        PostgresOptions(schema=self.schema, command_timeout=self.command_timeout)
