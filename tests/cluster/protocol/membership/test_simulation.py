"""Whole clusters on a bad network, and that the simulation would notice what is wrong.

`CASTY_MEMBERSHIP_SEEDS` sets how many seeds each scenario runs with; a failure names its seed.
"""

import os

import pytest

from tests.cluster.protocol.membership.ablations import ABLATIONS, caught
from tests.cluster.protocol.membership.scenarios import SCENARIOS

SEEDS = int(os.environ.get("CASTY_MEMBERSHIP_SEEDS", "12"))


@pytest.mark.timeout(300 + SEEDS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_all_is_well_once_the_faults_are_over(name: str) -> None:
    for seed in range(SEEDS):
        try:
            SCENARIOS[name](seed)
        except AssertionError as error:
            raise AssertionError(f"{name}, seed {seed}: {error}") from error


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_run(name: str) -> None:
    first, second = SCENARIOS[name](7), SCENARIOS[name](7)
    assert first.describe() == second.describe()
    assert first.delivered == second.delivered


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_missing_safeguard_is_noticed(name: str) -> None:
    assert caught(name, 100) is not None
