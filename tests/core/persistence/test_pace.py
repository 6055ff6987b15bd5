"""How many appends at a time: whatever stores more events, found out by trying."""

from collections.abc import Callable

import pytest
from casty.persistence.pace import RAREST, ROUND, Pace

type Store = Callable[[int], float]
"""The seconds that an event takes, with so many appends at a time."""


def quick(lanes: int) -> float:
    """The loop and the store work at the same time, or each waits for the other."""
    return 24e-6 if lanes > 1 else 40e-6


def slow(lanes: int) -> float:
    """Each commit takes its 10 ms after the other, for half as many events."""
    return 200e-6 if lanes > 1 else 100e-6


def indifferent(lanes: int) -> float:
    return 1e-4


def run(pace: Pace, store: Store, rounds: int, now: float = 0.0) -> list[int]:
    """With how many lanes each round was run."""
    lanes: list[int] = []
    for _ in range(rounds):
        lanes.append(pace.lanes)
        for _ in range(ROUND):
            now += 100 * store(pace.lanes)
            pace.stored(100, now)
    return lanes


def begun(most: int) -> Pace:
    pace = Pace(most)
    pace.begin(0.0)
    return pace


def test_a_quick_store_gets_all_lanes_after_one_trial() -> None:
    lanes = run(begun(3), quick, 100)
    assert lanes[:3] == [1, 3, 3]
    assert lanes.count(1) <= 10


@pytest.mark.parametrize("store", [slow, indifferent])
def test_a_slow_store_keeps_one_and_trials_become_rare(store: Store) -> None:
    lanes = run(begun(2), store, 1_000)
    assert lanes[:8] == [1, 2, 1, 1, 2, 1, 1, 1]
    assert lanes[500:].count(2) <= 500 // RAREST + 1


def test_a_store_that_becomes_slow_loses_its_lanes_and_gets_them_back() -> None:
    pace = begun(2)
    run(pace, quick, 200)
    lanes = run(pace, slow, 200, now=1e3)
    assert lanes[0] == 2
    assert lanes.count(2) <= RAREST + 10
    assert run(pace, quick, 200, now=2e3)[-20:].count(2) >= 19


def test_after_a_rest_there_is_one_lane_until_a_trial() -> None:
    pace = begun(2)
    run(pace, quick, 2)
    assert pace.lanes == 2
    pace.begin(10.0)
    assert run(pace, quick, 3, now=10.0) == [1, 2, 2]


def test_a_store_that_bears_one_append_never_gets_two() -> None:
    assert set(run(begun(1), quick, 100)) == {1}
