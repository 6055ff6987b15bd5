"""Accounts whose PostgreSQL server crashes under them, or loses its answers: nothing that was acknowledged is lost,
nothing is stored twice, and they go on by themselves.
"""

import asyncio
from random import Random

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.oracle import Bank
from tests.journal_postgres.proxy import Proxy
from tests.journal_postgres.server import OwnServer

CRASHES = 2 * ROUNDS
CUTS = 20 * ROUNDS
MOST = 2_000
"""Acknowledgements between two blows."""
OUTAGE = 10.0
"""Seconds: more than a store makes up for by itself, so that the circuit breaker opens and the accounts begin again."""
RECOVERY = 15.0
"""Seconds after an outage by which every account serves again: the longest pause is less than five, and the rest is for
a busy machine.
"""


@pytest.mark.timeout(300 * ROUNDS)
async def test_over_crashes_of_the_server_none_is_lost_and_writing_goes_on(
    server: OwnServer, database: str, random: Random
) -> None:
    bank = Bank(database)
    async with bank.depositor() as depositor:
        for _ in range(CRASHES):
            await depositor.acknowledges(random.randint(1, MOST))
            await asyncio.to_thread(server.stop, "immediate")
            await asyncio.sleep(random.uniform(0, 1))
            await asyncio.to_thread(server.start)
        await depositor.acknowledges(1000)
    await bank.check()


async def test_after_an_outage_every_account_serves_again_soon(server: OwnServer, database: str) -> None:
    bank = Bank(database)
    async with bank.depositor() as depositor:
        await depositor.serves(bank.accounts)
        await asyncio.to_thread(server.stop, "immediate")
        await asyncio.sleep(OUTAGE)
        before = len(depositor.acknowledged)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(RECOVERY):
            await depositor.serves(bank.accounts, since=before)
    await bank.check()


@pytest.mark.timeout(300 * ROUNDS)
async def test_with_lost_replies_no_deposit_is_lost_or_doubled(database: str, random: Random) -> None:
    bank = Bank(database)
    async with Proxy(database).serving() as proxy, bank.depositor(proxy.dsn) as depositor:
        for _ in range(CUTS):
            await depositor.acknowledges(random.randint(1, 200))
            proxy.cut_at_answer = True
        await depositor.acknowledges(1000)
    await bank.check()
