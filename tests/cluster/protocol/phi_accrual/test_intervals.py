"""The arithmetic of suspicion."""

from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from casty_cluster.protocol.phi_accrual.intervals import Intervals, phi
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("silence", "expected"), [(0.0, 0.0), (1.0, 0.3), (1.1, 0.8), (1.2, 1.64), (1.3, 2.87), (1.52, 8.0)]
)
def test_phi_is_what_it_is_for_a_mean_of_one_second_and_a_deviation_of_a_tenth(silence: float, expected: float) -> None:
    assert phi(silence, 1.0, 0.1) == pytest.approx(expected, abs=0.35)


@pytest.mark.parametrize(("interval", "pause", "detection"), [(1.0, 3.0, 4.52), (0.5, 1.5, 2.52), (0.25, 1.0, 1.77)])
def test_a_threshold_of_eight_is_reached_after_so_many_seconds(interval: float, pause: float, detection: float) -> None:
    assert phi(detection - 0.02, interval + pause, 0.1) < 8.0 < phi(detection + 0.02, interval + pause, 0.1)


@given(st.floats(-1e9, 1e9), st.floats(0.0, 1e6), st.floats(1e-6, 1e6))
def test_no_figures_overflow(silence: float, mean: float, deviation: float) -> None:
    assert 0.0 <= phi(silence, mean, deviation) < 400.0


@given(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=20), st.floats(0.1, 3.0), st.floats(0.01, 2.0))
def test_suspicion_never_falls_as_time_goes_by(steps: list[float], mean: float, deviation: float) -> None:
    levels = [phi(silence, mean, deviation) for silence in sorted(steps)]
    # Where the two halves of the approximation meet, rounding may show.
    assert all(after >= before - 1e-9 for before, after in pairwise(levels))


@given(st.integers(2, 10), st.lists(st.floats(0.0, 20.0), max_size=50))
def test_mean_and_deviation_are_those_of_the_latest(size: int, seconds: list[float]) -> None:
    intervals = Intervals(size, 1.0)
    for each in seconds:
        intervals.add(each)
    latest = [0.75, 1.25, *seconds][-size:]
    assert intervals.mean == pytest.approx(fmean(latest), abs=1e-5)
    assert intervals.deviation == pytest.approx(pstdev(latest), abs=1e-4)


def test_the_estimate_has_a_quarter_of_itself_for_its_deviation() -> None:
    intervals = Intervals(1_000, 2.0)
    assert (intervals.mean, intervals.deviation) == (2.0, 0.5)


def test_sums_do_not_drift() -> None:
    intervals = Intervals(100, 1.0)
    for number in range(100_000):
        intervals.add(0.1 + number % 7 * 0.1)
    for _ in range(100):
        intervals.add(0.3)
    assert (intervals.mean, intervals.deviation) == (pytest.approx(0.3), 0.0)
