"""Writes deposits to a PostgreSQL journal until it is killed, and prints each number that its account has acknowledged.

python -m tests.chaos.postgres_depositor DSN SCHEMA FIRST_NUMBER
"""

import asyncio
import sys
from itertools import count

from casty import ActorSystem, Behavior, Behaviors
from casty.errors import CastyError
from casty.journal import StoreJournal
from casty_journal_postgres import PostgresJournal

from tests.chaos.depositor import ACCOUNTS, TELLERS, Deposit, on_command, on_event


def account(name: str, journal: StoreJournal) -> Behavior[Deposit]:
    return Behaviors.event_sourced(
        entity_id=name, journal=journal, initial_state=0, on_event=on_event, on_command=on_command
    )


async def main(dsn: str, schema: str, first: int) -> None:
    journal = PostgresJournal(dsn, schema=schema)
    numbers = count(first)
    async with ActorSystem() as system:
        accounts = [system.spawn(account(f"account-{n}", journal), f"account-{n}") for n in range(ACCOUNTS)]

        async def teller() -> None:
            for number in numbers:
                target = accounts[number % ACCOUNTS]
                try:
                    acknowledged: int = await system.ask(
                        target, lambda reply_to, number=number: Deposit(number, reply_to)
                    )
                except (TimeoutError, CastyError):
                    # Whether it is stored is unknown, so its number is never used again.
                    await asyncio.sleep(0.01)
                else:
                    print(acknowledged, flush=True)

        await asyncio.gather(*(teller() for _ in range(TELLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
