"""A projection of deposits into a SQLite file; as a program, it prints each offset that it handles, until it is killed.

python -m tests.journal_sqlite.projecting JOURNAL ROWS
"""

import asyncio
import sys
from itertools import batched
from pathlib import Path

import aiosqlite
from casty import Projection
from casty.journal import EventEnvelope, PersistedEvent, StoreJournal
from casty_journal_sqlite import SqliteJournal, SqliteOffsets

from tests.core.projections.fakes import Deposited

ACCOUNTS = 7

type Rows = tuple[list[int], dict[str, int]]
"""The offsets handled, in their order, and the balances."""


async def book(db: aiosqlite.Connection, envelope: EventEnvelope[Deposited]) -> None:
    await db.execute("INSERT INTO handled VALUES (?)", (envelope.offset,))
    await db.execute(
        "INSERT INTO balances VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET balance = balance + excluded.balance",
        (envelope.entity_id, envelope.event.amount),
    )


async def empty(db: aiosqlite.Connection) -> None:
    await db.executescript("""
        DROP TABLE IF EXISTS handled; CREATE TABLE handled (place INTEGER);
        DROP TABLE IF EXISTS balances; CREATE TABLE balances (account TEXT PRIMARY KEY, balance INTEGER);
    """)


async def write(journal: StoreJournal, events: int) -> None:
    last = [0] * ACCOUNTS
    for amounts in batched(range(events), 5):
        account = amounts[0] * amounts[0] % ACCOUNTS
        deposits = [PersistedEvent(n, Deposited(amount), 1.5) for n, amount in enumerate(amounts, last[account] + 1)]
        last[account] += len(deposits)
        await journal.persist(f"account-{account}", deposits)


async def fold(journal: StoreJournal) -> Rows:
    offsets, balances = list[int](), dict[str, int]()
    async for envelope in journal.events():
        offsets.append(envelope.offset)
        balances[envelope.entity_id] = balances.get(envelope.entity_id, 0) + envelope.event.amount
    return offsets, balances


async def rows(path: Path) -> Rows:
    async with aiosqlite.connect(path) as db:
        handled = await db.execute_fetchall("SELECT place FROM handled ORDER BY rowid")
        balances = await db.execute_fetchall("SELECT account, balance FROM balances")
    return [place for (place,) in handled], dict(map(tuple, balances))


async def main(journal: str, path: str) -> None:
    async def handler(db: aiosqlite.Connection, envelope: EventEnvelope[Deposited]) -> None:
        await book(db, envelope)
        print(envelope.offset, flush=True)

    reading = SqliteJournal(journal, read_only=True)
    await Projection("balances", reading, handler, SqliteOffsets(path), reset=empty, batch_size=7).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
