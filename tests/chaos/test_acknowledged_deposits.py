"""What was acknowledged is stored, once: accounts that reply before `persisted`, in processes that are killed."""

from random import Random

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.oracle import Bank

KILLS = 8 * ROUNDS
MOST = 2_000
"""Acknowledgements between two kills."""


@pytest.mark.timeout(300 * ROUNDS)
async def test_over_kills_none_is_lost_and_none_is_doubled(url: str, random: Random) -> None:
    bank = Bank(url)
    for _ in range(KILLS):
        async with bank.depositor() as depositor:
            await depositor.acknowledges(random.randint(1, MOST))
    await bank.check()
