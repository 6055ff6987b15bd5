"""Reliable delivery under every fault that the model knows, and each clause of the machines switched off."""

import os

import pytest

from tests.core.delivery.ablations import ABLATIONS, Ablation
from tests.core.delivery.world import Faults, Machines, explore

SEEDS = range(int(os.environ.get("CASTY_SIM_SEEDS", "50")))
CAUGHT_WITHIN = range(60)

NETWORK = Faults(lose=150, double=150, reorder=True)
SCENARIOS = {
    "no faults": Faults(),
    "losses, duplicates, reordering": NETWORK,
    "handlers that fail": Faults(lose=100, double=100, reorder=True, fail=300),
    "consumers that restart": Faults(lose=100, double=100, reorder=True, restart_consumer=20),
    "producers that restart": Faults(lose=100, double=100, reorder=True, restart_producer=20),
    "everything": Faults(
        lose=100, double=100, reorder=True, fail=100, restart_consumer=10, restart_producer=10, change_consumers=10
    ),
}


@pytest.mark.parametrize("faults", SCENARIOS.values(), ids=SCENARIOS)
def test_one_consumer_handles_every_message_in_order(faults: Faults) -> None:
    explore(SEEDS, faults, Machines())


@pytest.mark.parametrize("faults", SCENARIOS.values(), ids=SCENARIOS)
def test_one_of_several_consumers_handles_every_message_in_order(faults: Faults) -> None:
    explore(SEEDS, faults, Machines(), consumers=3)


@pytest.mark.parametrize("faults", SCENARIOS.values(), ids=SCENARIOS)
def test_shared_messages_are_handled_by_some_consumer(faults: Faults) -> None:
    explore(SEEDS, faults, Machines(), consumers=3, shares=True)


@pytest.mark.parametrize("ablation", ABLATIONS.values(), ids=ABLATIONS)
def test_each_clause_is_needed(ablation: Ablation) -> None:
    with pytest.raises(AssertionError):
        explore(CAUGHT_WITHIN, ablation.faults, ablation.machines, consumers=ablation.consumers, shares=ablation.shares)
