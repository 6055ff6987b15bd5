"""What was acknowledged is stored: accounts that reply before `persisted`, in processes that are killed."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from casty.journal import SqliteJournal

from tests.chaos.bank import ROUNDS, SEED
from tests.chaos.depositor import ACCOUNTS, Deposited
from tests.examples.programs import ROOT

KILLS = 20 * ROUNDS
MOST = 2_000
"""Acknowledgements between two kills."""
NUMBERS = 10**6
"""Deposit numbers of one process."""


@pytest.mark.timeout(60 * ROUNDS)
async def test_over_20_kills_none_is_lost_and_none_is_doubled(tmp_path: Path) -> None:
    print(f"CASTY_CHAOS_SEED={SEED}")
    random = Random(SEED)
    path = tmp_path / "bank.db"
    acknowledged: set[int] = set()
    for kill in range(KILLS):
        answered = acknowledged_until_killed(path, first=kill * NUMBERS, after=random.randint(1, MOST))
        assert answered
        acknowledged |= answered
    stored = await stored_deposits(path)
    assert acknowledged - stored.keys() == set()
    assert [number for number, times in stored.items() if times > 1] == []


def acknowledged_until_killed(path: Path, *, first: int, after: int) -> set[int]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.depositor", str(path), str(first)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [line for _, line in zip(range(after), process.stdout, strict=False)]
        process.kill()
        lines += process.stdout
    # A line without its end was being written when the process died.
    return {int(line) for line in lines if line.endswith("\n")}


async def stored_deposits(path: Path) -> Counter[int]:
    """How often each deposit number is in the journal, whose events must be numbered without gaps."""
    stored: Counter[int] = Counter()
    async with SqliteJournal(path) as journal:
        for account in range(ACCOUNTS):
            events = await journal.load(f"account-{account}")
            assert [event.sequence_nr for event in events] == list(range(1, len(events) + 1))
            for persisted in events:
                assert isinstance(persisted.event, Deposited)
                stored[persisted.event.number] += 1
    return stored
