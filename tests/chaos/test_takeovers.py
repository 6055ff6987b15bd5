"""Two processes that write to the same accounts in PostgreSQL: each takes them over from the other, again and again.

The tables are read without Casty: an account's events are numbered without gaps, and each epoch has only one writer,
whose events come after those of all lower epochs.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from casty.serialization import MsgpackSerializer

from tests.chaos.bank import ROUNDS
from tests.chaos.depositor import Deposited
from tests.chaos.oracle import NUMBERS, Bank, Depositor
from tests.journal_postgres.server import connected

SECONDS = 5 * ROUNDS
ACCOUNTS = 20
LEAST_DEPOSITS = 100 * SECONDS
LEAST_TAKEOVERS = ACCOUNTS
"""With less than that, nothing is proved."""

EVENTS = """
SELECT entity_id, sequence_nr, epoch, writer, manifest, version, payload
FROM casty.events ORDER BY entity_id, sequence_nr
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    sequence_nr: int
    epoch: int
    writer: str
    deposit: int

    @property
    def process(self) -> int:
        """Which of the depositors it was."""
        return self.deposit // NUMBERS


@pytest.mark.timeout(300 * ROUNDS)
async def test_two_writers_take_over_from_each_other_and_nothing_is_lost_or_doubled(database: str) -> None:
    bank = Bank(database, ACCOUNTS)
    async with bank.depositor() as one, bank.depositor() as two:
        await asyncio.gather(one.acknowledges(1), two.acknowledges(1))
        await asyncio.sleep(SECONDS)
    await bank.check()
    histories = await stored_rows(database)
    takeovers = sum(check_ownership(account, rows, bank.depositors) for account, rows in histories.items())
    for depositor in bank.depositors:
        # With each refused write at least one deposit failed, whose caller got an error immediately.
        assert depositor.refused["FencedError"] >= sum(depositor.restarted.values()), depositor.refused
    deposits = sum(len(depositor.acknowledged) for depositor in bank.depositors)
    told = [sum(depositor.restarted.values()) for depositor in bank.depositors]
    refused = [dict(depositor.refused) for depositor in bank.depositors]
    print(
        f"{SECONDS} s: {deposits} deposits acknowledged, {takeovers} takeovers, losers told {told}, refused {refused}"
    )
    assert deposits >= LEAST_DEPOSITS
    assert takeovers >= LEAST_TAKEOVERS


async def stored_rows(dsn: str) -> dict[str, list[Row]]:
    """What is in the table, by account."""
    decode = MsgpackSerializer().decode
    histories: defaultdict[str, list[Row]] = defaultdict(list)
    async with connected(dsn) as admin:
        for entity_id, number, epoch, writer, *encoded in await admin.fetch(EVENTS):
            event: Any = decode(*encoded)
            assert isinstance(event, Deposited)
            histories[entity_id].append(Row(sequence_nr=number, epoch=epoch, writer=writer, deposit=event.number))
    return histories


def check_ownership(account: str, rows: list[Row], depositors: list[Depositor]) -> int:
    """How often the account went over from one process to the other."""
    assert [row.sequence_nr for row in rows] == list(range(1, len(rows) + 1))
    owners = [rows[0], *(after for before, after in pairwise(rows) if after.epoch != before.epoch)]
    assert all(before.epoch < after.epoch for before, after in pairwise(owners)), "an epoch came back"
    assert len({(row.epoch, row.writer, row.process) for row in rows}) == len(owners), "an epoch has two writers"
    for process, depositor in enumerate(depositors):
        # A second takeover by one process follows a loss, which was an error: without it there would be no restart.
        begun_again = sum(owner.process == process for owner in owners) - 1
        assert depositor.restarted[f"/{account}", "FencedError"] >= begun_again
    return sum(before.process != after.process for before, after in pairwise(owners))
