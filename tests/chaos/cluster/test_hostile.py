"""A few of the connections of `python -m tests.chaos.cluster.hostile`."""

from pathlib import Path

import pytest

from tests.chaos.bank import ROUNDS
from tests.chaos.cluster.hostile import attack

CONNECTIONS = 300


@pytest.mark.timeout(120 * ROUNDS)
async def test_connections_that_mean_harm_fail_no_ask_and_cost_bounded_memory_and_log(tmp_path: Path) -> None:
    outcome = await attack(CONNECTIONS * ROUNDS, tmp_path)
    assert outcome.faults() == []
