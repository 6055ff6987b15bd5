"""The ledger by months: a read model of the journal of `ledger.py`, which may be running at the same time.

    uv run examples/ledger.py && uv run examples/projection.py [JOURNAL.db]

Rows and the position in the journal are committed together. So kill this at any moment and run
it again: every booking counts once, and only new events are read. Any program may query the file that it writes.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from aiosqlite import Connection
from casty import EventEnvelope, Projection
from casty.errors import CastyError
from casty.journal import SqliteJournal, SqliteOffsets
from ledger import Booked

UNITS = 10_000
"""SQLite has no decimals: amounts are counted in units of 0.0001, the smallest that a transaction has."""


async def make_tables(db: Connection) -> None:
    """Create the tables: before the first booking, and for a rebuild."""
    await db.execute("DROP TABLE IF EXISTS months")
    await db.execute(
        "CREATE TABLE months (account TEXT, month TEXT, units INTEGER, bookings INTEGER, PRIMARY KEY (account, month))"
    )


async def add_to_month(db: Connection, envelope: EventEnvelope[Booked]) -> None:
    booked = envelope.event
    await db.execute(
        "INSERT INTO months VALUES (?, ?, ?, 1) ON CONFLICT (account, month) "
        "DO UPDATE SET units = units + excluded.units, bookings = bookings + 1",
        (envelope.entity_id, f"{booked.date:%Y-%m}", int(booked.amount * UNITS)),
    )


def show(path: Path) -> None:
    """Print each month's closing balance over all accounts: the sum of all bookings up to its end."""
    with closing(sqlite3.connect(path)) as db:
        months = db.execute(
            "SELECT month, sum(sum(units)) OVER (ORDER BY month), sum(bookings) FROM months GROUP BY month"
        )
        for month, units, bookings in months:
            print(f"{month} {Decimal(units) / UNITS:>18,.2f} after {bookings:,} bookings")


async def project(journal: Path, months: Path) -> int:
    """Run the projection. Returns the number of new bookings."""
    projection = Projection(
        "months", SqliteJournal(journal, read_only=True), add_to_month, SqliteOffsets(months), reset=make_tables
    )
    return await projection.run_once()


def main(journal: Path) -> None:
    months = journal.with_suffix(".months.db")
    print(f"{asyncio.run(project(journal, months)):,} new bookings in {journal}")
    show(months)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "transactions.db"))
    except CastyError as error:
        sys.exit(f"stopped: {error}")
