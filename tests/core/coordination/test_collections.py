"""Counters, registers, maps, sets and queues are linearizable whatever the network and the hosts do; each clause that
makes them so is needed.
"""

from typing import Any

import pytest
from casty.coordination import state as states
from casty.coordination.operations import OperationId
from casty.coordination.results import Recall, Results

from tests.core.coordination.collections import KINDS, check, is_violated, run

SEEDS = range(300)


@pytest.mark.parametrize("kind", KINDS)
def test_what_callers_see_is_linearizable(kind: str) -> None:
    operations = restarts = 0
    for seed in SEEDS:
        world = run(kind, seed)
        check(kind, world)
        operations += sum(operation.returned < float("inf") for operation in world.history.operations)
        restarts += world.restarts
    assert operations > 20 * len(SEEDS)
    assert restarts == 2 * len(SEEDS)


def forget(self: Results, operation: OperationId) -> Any:
    return Recall.new


def forget_only_settled(self: Results, operation: OperationId) -> Any:
    client = self.clients.get(operation.client)
    return Recall.new if client is None else client.results.get(operation.number, Recall.new)


def unchanged(step: Any, caller: OperationId) -> Any:
    return step


@pytest.mark.parametrize("kind", ["counter", "map", "set", "queue"])
def test_without_the_memory_of_results_a_retry_applies_twice(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Results, "find", forget)
    assert is_violated(kind, SEEDS)


def test_without_settled_numbers_an_attempt_that_is_late_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Results, "find", forget_only_settled)
    assert is_violated("counter", range(1_000))


def test_an_outcome_that_changes_nothing_must_be_kept_after_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an attempt that is late does what another attempt has said was not done."""
    monkeypatch.setattr(states, "_stored", unchanged)
    assert is_violated("register", range(1_000))


def test_results_survive_a_restart_and_are_forgotten_in_time() -> None:
    """`World.restart` compares them with those of before."""
    world = run("counter", 1)
    assert world.restarts == 2
    assert world.state.results.clients.keys() == set("abcd")
    assert all(len(client.results) <= 1 for client in world.state.results.clients.values())
