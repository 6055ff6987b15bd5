"""Accounts as entities of three processes on one PostgreSQL, which are killed, and leave under load; the long versions
are `python -m tests.chaos.sharding.kills` and `... moves`.
"""

from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, write_transactions
from tests.chaos.sharding.kills import check_balances, kill_while_booking, ledger
from tests.chaos.sharding.moves import leave, move, under_load

ROWS = 6_000 * ROUNDS
ACCOUNTS = 300
KILLS = 2 * ROUNDS
EVERY = 0.5
RATE = 200.0


@pytest.mark.timeout(300 * ROUNDS)
async def test_while_nodes_are_killed_each_transaction_is_booked_once(
    database: str, random: Random, tmp_path: Path
) -> None:
    file = tmp_path / "transactions.csv"
    write_transactions(file, rows=ROWS, accounts=ACCOUNTS, seed=SEED)
    async with ledger(database, tmp_path) as cluster:
        assert await kill_while_booking(cluster, file, kills=KILLS, every=EVERY, random=random) > 0
        assert await check_balances(cluster, file) == ACCOUNTS


@pytest.mark.timeout(300)
async def test_no_ask_fails_where_a_node_is_terminated_under_load(database: str, tmp_path: Path) -> None:
    async with ledger(database, tmp_path) as cluster:
        await under_load(cluster, RATE)
        pauses, failed = await move(cluster, "a leave", lambda: leave(cluster, "n3"))
        assert failed == []
        assert pauses
