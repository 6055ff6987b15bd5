"""Accounts as entities of three processes on one PostgreSQL, which are killed, and leave under load; the long versions
are `python -m tests.chaos.sharding.kills` and `... moves`.
"""

from pathlib import Path
from random import Random

import pytest

from tests.chaos.bank import ROUNDS, SEED, write_transactions
from tests.chaos.sharding.kills import (
    WITHIN,
    are_enough,
    check_balances,
    kill_while_booking,
    ledger,
    restart_at_once,
    takeovers,
)
from tests.chaos.sharding.moves import leave, move, under_load

ROWS = 6_000 * ROUNDS
ACCOUNTS = 300
KILLS = 2 * ROUNDS
EVERY = 0.5
RATE = 200.0
LOADED = 3.0
"""How much longer a busy machine may take; `kills` measures on an idle one."""


@pytest.mark.timeout(300 * ROUNDS)
async def test_while_nodes_are_killed_each_transaction_is_booked_once(
    database: str, random: Random, tmp_path: Path
) -> None:
    file = tmp_path / "transactions.csv"
    write_transactions(file, rows=ROWS, accounts=ACCOUNTS, seed=SEED)
    async with ledger(database, tmp_path) as cluster:
        assert await kill_while_booking(cluster, file, kills=KILLS, every=EVERY, random=random) > 0
        assert await check_balances(cluster, file) == ACCOUNTS


def test_kills_after_all_is_booked_show_nothing() -> None:
    assert are_enough(5, 10)
    assert not are_enough(4, 10)


@pytest.mark.timeout(300)
async def test_entities_of_a_killed_node_reply_again_soon(database: str, random: Random, tmp_path: Path) -> None:
    async with ledger(database, tmp_path, "fast") as cluster:
        times = await takeovers(cluster, [str(number) for number in range(50)], 1, random)
        assert times
        assert max(times) <= LOADED * WITHIN["fast"]


@pytest.mark.timeout(300)
async def test_asks_wait_where_a_killed_node_starts_again_at_once_at_its_address(
    database: str, random: Random, tmp_path: Path
) -> None:
    async with ledger(database, tmp_path) as cluster:
        assert await restart_at_once(cluster, [str(number) for number in range(50)], random) == []


@pytest.mark.timeout(300)
async def test_no_ask_fails_where_a_node_is_terminated_under_load(database: str, tmp_path: Path) -> None:
    async with ledger(database, tmp_path) as cluster:
        await under_load(cluster, RATE)
        pauses, failed = await move(cluster, "a leave", lambda: leave(cluster, "n3"))
        assert failed == []
        assert pauses
