"""What is particular to `phi-accrual`."""

from random import Random

import pytest
from casty.member import NodeId
from casty.spi.failure_detector import DetectorContext
from casty.testing.conformance.failure_detector import Network, Weather
from casty.testing.conformance.failure_detector.network import node_named
from casty_cluster.protocol.phi_accrual import PhiAccrualDetector, PhiAccrualOptions

ONE, OTHER = node_named(1), node_named(2)


def detector(node: NodeId = ONE, options: PhiAccrualOptions | None = None, check: float = 0.1) -> PhiAccrualDetector:
    context = DetectorContext(local=node, random=Random(0), interval=1.0, check_interval=check)
    return PhiAccrualDetector(context, options or PhiAccrualOptions())


def talk(one: PhiAccrualDetector, other: PhiAccrualDetector, start: float, seconds: float) -> float:
    """They tick, and every message arrives at once; returns the time of the last answer."""
    now = answered = start
    while (due := one.next_deadline()) is not None and due < start + seconds:
        now = due
        for probe in one.tick(now):
            for answer in other.receive(ONE, probe.payload, now):
                one.receive(OTHER, answer.payload, now)
                answered = now
        one.validate()
    return answered


def suspected_at(one: PhiAccrualDetector) -> float:
    """When it suspects the other one, if nothing arrives any more."""
    while not one.suspects(0.0):
        due = one.next_deadline()
        assert due is not None
        one.tick(due)
        one.validate()
        if one.suspects(due):
            return due
    raise AssertionError("it did so already")


def test_with_the_defaults_a_silence_of_four_and_a_half_seconds_is_suspect() -> None:
    one = detector()
    one.members([OTHER], 0.0)
    answered = talk(one, detector(OTHER), 0.0, 300.0)
    assert suspected_at(one) - answered == pytest.approx(4.55, abs=0.1)


def test_a_node_that_has_never_answered_is_suspect_after_the_first_estimate() -> None:
    one = detector()
    one.members([OTHER], 0.0)
    assert suspected_at(one) == pytest.approx(5.35, abs=0.1)


def test_a_shorter_estimate_finds_it_sooner() -> None:
    one = detector(options=PhiAccrualOptions(first_heartbeat_estimate_ms=200.0))
    one.members([OTHER], 0.0)
    assert suspected_at(one) == pytest.approx(3.75, abs=0.1)


def test_what_a_node_says_of_its_own_lag_is_forgiven_it() -> None:
    one, other = detector(), detector(OTHER)
    one.members([OTHER], 0.0)
    other.members([ONE], 0.0)
    other.tick(1.2)  # its tick was due at 0.0, and it was busy until now
    answered = talk(one, other, 0.0, 300.0)
    assert suspected_at(one) - answered == pytest.approx(4.55 + 1.2, abs=0.1)


def test_no_lag_is_forgiven_beyond_once_more_the_acceptable_pause() -> None:
    one, other = detector(), detector(OTHER)
    one.members([OTHER], 0.0)
    other.members([ONE], 0.0)
    other.tick(60.0)
    answered = talk(one, other, 0.0, 300.0)
    assert suspected_at(one) - answered == pytest.approx(4.55 + 3.0, abs=0.1)


def test_an_interval_that_spans_an_unreachable_time_is_no_sample() -> None:
    one, other = detector(), detector(OTHER)
    one.members([OTHER], 0.0)
    talk(one, other, 0.0, 60.0)
    suspected = suspected_at(one)
    while (due := one.next_deadline()) is not None and due < suspected + 600.0:
        one.tick(due)
    answered = talk(one, other, suspected + 600.0, 60.0)
    assert not one.suspects(0.0)
    assert suspected_at(one) - answered == pytest.approx(4.55, abs=0.15)


def test_an_irregular_node_is_given_more_time() -> None:
    def silence_needed(weather: Weather) -> float:
        network = Network(lambda context: detector(context.local), 2, weather=weather)
        network.run(600.0)
        one, other = network.nodes
        network.crash(other)
        return network.run_until(lambda: bool(network.suspects_of(one)), 30.0)

    assert silence_needed(Weather(jitter=0.5, loss=0.2)) > silence_needed(Weather()) + 0.5


def test_the_copy_of_an_answer_ends_no_silence() -> None:
    one, other = detector(), detector(OTHER)
    one.members([OTHER], 0.0)
    (probe,) = one.tick(0.0)
    (answer,) = other.receive(ONE, probe.payload, 0.0)
    one.receive(OTHER, answer.payload, 0.1)
    while (due := one.next_deadline()) is not None and due < 4.0:
        one.tick(due)
    before = one.suspicion(OTHER, 4.0)
    assert before > 0.0
    one.receive(OTHER, answer.payload, 4.0)
    assert one.suspicion(OTHER, 4.0) == before


@pytest.mark.parametrize("figure", ["threshold", "max_sample_size", "min_std_deviation_ms", "monitors"])
def test_figures_out_of_range_are_refused(figure: str) -> None:
    with pytest.raises(ValueError, match=f"{figure} must be more than 0; it is 0"):
        PhiAccrualOptions(**{figure: 0})
    with pytest.raises(ValueError, match="acceptable_heartbeat_pause_ms must be at least 0; it is -1"):
        PhiAccrualOptions(acceptable_heartbeat_pause_ms=-1)
