"""Accounts in copies on the disks of three processes, which are killed; the long version is
`python -m tests.chaos.replication.wipes`.
"""

import asyncio
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, write_transactions
from tests.chaos.replication.wipes import complete, copied_ledger, wear_out, wipe
from tests.chaos.sharding.kills import PATIENCE, Booking, check_balances
from tests.chaos.sharding.moves import leave
from tests.examples.programs import balances_of

ROWS = 2_000 * ROUNDS
ACCOUNTS = 100


@pytest.mark.timeout(300 * ROUNDS)
async def test_nothing_acknowledged_is_lost_with_a_node_and_its_disk(random: Random, tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    write_transactions(file, rows=ROWS, accounts=ACCOUNTS, seed=SEED)
    async with copied_ledger(tmp_path, failover="fast") as cluster:
        await wear_out(cluster, tmp_path, file, random, every=(0.5, 1.0))
        assert await check_balances(cluster, file) == ACCOUNTS
        await complete(cluster)
        await cluster["n1"].kill()
        wipe(tmp_path, "n1")
        assert await check_balances(cluster, file) == ACCOUNTS


@pytest.mark.timeout(300)
async def test_nodes_that_leave_one_after_the_other_fail_no_ask(tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    write_transactions(file, rows=100_000, accounts=ACCOUNTS, seed=SEED)
    async with copied_ledger(tmp_path) as cluster:
        await cluster["n1"].do("balances", account_ids=list(balances_of(file)))
        await complete(cluster)
        booking = Booking(file)
        clerk = asyncio.create_task(booking.run_on(cluster["n1"]))
        await leave(cluster, "n3")
        await cluster.start("n3")
        await cluster.is_one(within=PATIENCE)
        assert await booking.goes_on()
        await leave(cluster, "n2")  # for good, and before the copies on n3 are complete
        async with asyncio.timeout(PATIENCE):
            for _ in range(10):
                assert await booking.goes_on(), "there is more to book than that"
        clerk.cancel()
        assert booking.repeated == 0
