"""Offers journals and leases to Casty under the URL schemes `postgresql` and `postgres`: the URL is the DSN."""

from casty.plugins import JournalProvider, LeaseProvider, hookimpl

from casty_journal_postgres import leases
from casty_journal_postgres.journal import open_dsn
from casty_journal_postgres.lease_options import PostgresLeaseOptions
from casty_journal_postgres.options import CAPABILITIES, SCHEMES, PostgresOptions


@hookimpl
def casty_journals() -> list[JournalProvider[PostgresOptions]]:
    return [JournalProvider(names=SCHEMES, open=open_dsn, capabilities=CAPABILITIES, options=PostgresOptions)]


@hookimpl
def casty_leases() -> list[LeaseProvider[PostgresLeaseOptions]]:
    return [LeaseProvider(names=SCHEMES, open=leases.open_dsn, options=PostgresLeaseOptions)]
