"""PostgreSQL journal for Casty's event-sourced actors."""

from casty_journal_postgres.journal import PostgresJournal as PostgresJournal
from casty_journal_postgres.offsets import PostgresOffsets as PostgresOffsets
from casty_journal_postgres.options import PostgresOptions as PostgresOptions
