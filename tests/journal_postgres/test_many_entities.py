"""Many entities that start at once: none fails because the others are before it."""

import asyncio
import time

from casty import ActorSystem
from casty.journal import PostgresJournal
from casty_journal_postgres.options import PostgresOptions

from tests.core.persistence.ledger import adding, ledger

ENTITIES = 3_000


async def replies(dsn: str, options: PostgresOptions, command_timeout: float) -> list[str]:
    """Start all of them on a journal with that time limit, and have each add an "a" to what it has."""
    async with (
        PostgresJournal(dsn, schema=options.schema, command_timeout=command_timeout) as journal,
        ActorSystem("many") as system,
    ):
        refs = [system.spawn(ledger(journal, entity_id=f"entity-{number}")) for number in range(ENTITIES)]
        return await asyncio.gather(*(system.ask(ref, adding("a"), timeout=300) for ref in refs))


async def test_the_time_of_an_operation_does_not_include_that_of_the_operations_before_it(
    dsn: str, options: PostgresOptions
) -> None:
    begun = time.monotonic()
    assert await replies(dsn, options, options.command_timeout) == ["a"] * ENTITIES
    half = (time.monotonic() - begun) / 2  # hundreds of times what one operation takes on this machine
    assert await replies(dsn, options, half) == ["aa"] * ENTITIES
