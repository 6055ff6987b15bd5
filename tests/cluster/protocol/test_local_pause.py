"""The local pause rule by itself, and what becomes of whole clusters with and without it.

`CASTY_PAUSE_SEEDS=1000` runs more seeds than a usual run of the tests does.
"""

import os
from collections.abc import Callable

import pytest
from casty.spi.failure_detector import DetectorContext, FailureDetector
from casty.testing.conformance.failure_detector import Network, Weather
from casty_cluster.protocol.local_pause import LocalPause
from casty_cluster.protocol.phi_accrual import PhiAccrualDetector, PhiAccrualOptions
from casty_cluster.protocol.swim import SwimDetector, SwimOptions

SEEDS = int(os.environ.get("CASTY_PAUSE_SEEDS", "40"))

type Create = Callable[[DetectorContext], FailureDetector]


def phi_accrual(context: DetectorContext) -> FailureDetector:
    return PhiAccrualDetector(context, PhiAccrualOptions())


def swim(context: DetectorContext) -> FailureDetector:
    return SwimDetector(context, SwimOptions())


def test_a_mere_delay_is_no_pause() -> None:
    assert LocalPause(3.0).gap(10.0, 11.5) == 0.0
    assert LocalPause(3.0).gap(10.0, 11.6) == pytest.approx(1.6)


def test_half_a_second_is_forgiven_also_where_others_are_not() -> None:
    assert LocalPause(0.0).gap(10.0, 10.5) == 0.0
    assert LocalPause(0.0).gap(10.0, 10.6) == pytest.approx(0.6)


def test_where_nothing_is_due_nothing_is_late() -> None:
    assert LocalPause(3.0).gap(None, 1e9) == 0.0


def test_verdicts_wait_for_one_window() -> None:
    pause = LocalPause(3.0)
    assert pause.over_at < 0.0
    pause.resume(100.0)
    assert pause.over_at == 103.0


def mistakes_under_pauses(create: Create, seed: int, longest: float) -> list[object]:
    """Two minutes of a small cluster in which one node after the other is stopped for a while."""
    network = Network(create, 3 + seed % 3, seed=seed, weather=Weather(jitter=0.1))
    network.run(10.0 + network.random.random())
    for _ in range(10):
        network.pause(network.random.choice(network.nodes), network.random.uniform(0.1, longest))
        network.run(network.random.uniform(6.0, 12.0))
    return list(network.mistakes)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("create", [phi_accrual, swim])
def test_pauses_of_up_to_three_seconds_cause_no_suspicion(create: Create) -> None:
    found = {seed: wrong for seed in range(SEEDS) if (wrong := mistakes_under_pauses(create, seed, 3.0))}
    assert found == {}


def wrong_after_own_pause(create: Create, seed: int) -> int:
    """How often a node is wrong after a pause that is longer than it tolerates in others, one of which had stalled."""
    network = Network(create, 2, seed=seed)
    sleeper, other = network.nodes
    network.run(10.0 + network.random.random())
    network.pause(other, 2.4)
    network.run(2.3)
    network.pause(sleeper, network.random.uniform(5.0, 15.0))
    network.run(30.0)
    return sum(observer == sleeper for _, observer, _ in network.mistakes)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("create", [phi_accrual, swim])
def test_after_a_long_pause_a_node_suspects_no_other_one(create: Create) -> None:
    assert {seed: wrong for seed in range(SEEDS) if (wrong := wrong_after_own_pause(create, seed))} == {}


@pytest.mark.parametrize("create", [phi_accrual, swim])
def test_without_the_rule_it_does(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would find it."""

    def no_gap(pause: LocalPause, due: float | None, now: float) -> float:
        return 0.0

    monkeypatch.setattr(LocalPause, "gap", no_gap)
    assert sum(wrong_after_own_pause(create, seed) > 0 for seed in range(40)) > 0
