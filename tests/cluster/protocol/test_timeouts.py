"""Deadlines that lie equally far ahead."""

from casty_cluster.protocol.timeouts import Timeouts, earliest


def test_each_key_expires_once_when_its_seconds_have_passed() -> None:
    timeouts = Timeouts[str](2.0)
    timeouts.start("a", 0.0)
    timeouts.start("b", 1.0)
    assert list(timeouts.expire(1.9)) == []
    assert list(timeouts.expire(2.0)) == ["a"]
    assert list(timeouts.expire(9.0)) == ["b"]
    assert timeouts.next() is None


def test_a_key_that_is_started_again_is_due_later_than_those_started_before() -> None:
    timeouts = Timeouts[str](2.0)
    timeouts.start("a", 0.0)
    timeouts.start("b", 0.5)
    timeouts.start("a", 1.0)
    assert timeouts.next() == 2.5
    assert list(timeouts.expire(3.0)) == ["b", "a"]


def test_a_stopped_key_does_not_expire() -> None:
    timeouts = Timeouts[str](2.0)
    timeouts.start("a", 0.0)
    timeouts.stop("a")
    timeouts.stop("never started")
    assert "a" not in timeouts
    assert list(timeouts.expire(9.0)) == []


def test_a_key_may_be_started_while_others_expire() -> None:
    timeouts = Timeouts[str](2.0)
    timeouts.start("a", 0.0)
    for key in timeouts.expire(2.0):
        timeouts.start(key, 2.0)
    assert timeouts.next() == 4.0


def test_the_earliest_of_no_deadlines_is_none() -> None:
    assert earliest(None, None) is None
    assert earliest(None, 3.0, 2.0) == 2.0
