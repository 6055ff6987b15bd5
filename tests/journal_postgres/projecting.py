"""A projection of deposits into PostgreSQL; as a program, it prints each offset that it handles, until it is killed.

python -m tests.journal_postgres.projecting DSN SCHEMA [HOLD_AT]

At the offset HOLD_AT it stays in its transaction for ever.
"""

import asyncio
import sys
from typing import Any

from casty import Projection
from casty.journal import EventEnvelope
from casty_journal_postgres import PostgresJournal, PostgresOffsets

from tests.core.projections.fakes import Deposited
from tests.journal_postgres.server import Admin
from tests.journal_sqlite.projecting import Rows

type Database = Any
"""An asyncpg connection."""


class Balances:
    """The handler and its tables, in one PostgreSQL schema."""

    def __init__(self, schema: str) -> None:
        self.schema = schema

    async def book(self, db: Database, envelope: EventEnvelope[Deposited]) -> None:
        await db.execute(f"INSERT INTO {self.schema}.handled VALUES ($1)", envelope.offset)
        await db.execute(
            f"INSERT INTO {self.schema}.balances AS old VALUES ($1, $2) "
            "ON CONFLICT (account) DO UPDATE SET balance = old.balance + $2",
            envelope.entity_id,
            envelope.event.amount,
        )

    async def empty(self, db: Database) -> None:
        await db.execute(f"""
            DROP TABLE IF EXISTS {self.schema}.handled, {self.schema}.balances;
            CREATE TABLE {self.schema}.handled (place bigint, number serial);
            CREATE TABLE {self.schema}.balances (account text PRIMARY KEY, balance bigint);
        """)

    async def rows(self, admin: Admin) -> Rows:
        handled = await admin.fetch(f"SELECT place FROM {self.schema}.handled ORDER BY number")
        balances = await admin.fetch(f"SELECT account, balance FROM {self.schema}.balances")
        return [place for (place,) in handled], dict(map(tuple, balances))


async def main(dsn: str, schema: str, hold_at: int) -> None:
    balances = Balances(schema)

    async def handler(db: Database, envelope: EventEnvelope[Deposited]) -> None:
        await balances.book(db, envelope)
        print(envelope.offset, flush=True)
        if envelope.offset == hold_at:
            await asyncio.Event().wait()

    journal, offsets = PostgresJournal(dsn, schema=schema), PostgresOffsets(dsn, schema=schema)
    await Projection("balances", journal, handler, offsets, reset=balances.empty, batch_size=7).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0))
