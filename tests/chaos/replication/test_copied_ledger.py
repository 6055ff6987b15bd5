"""Accounts in copies on the disks of three processes, which are killed; the long version is
`python -m tests.chaos.replication.wipes`.
"""

from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, write_transactions
from tests.chaos.replication.wipes import complete, copied_ledger, wear_out, wipe
from tests.chaos.sharding.kills import check_balances

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
