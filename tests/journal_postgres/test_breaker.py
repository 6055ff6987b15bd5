"""When a server that has failed may be tried again."""

from casty_journal_postgres.breaker import LONGEST, SHORTEST, TRIES, CircuitBreaker


def failed_often(now: float) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(TRIES):
        assert breaker.refusal(now) is None
        breaker.failed(now)
    return breaker


def test_it_opens_after_ten_failures_in_a_row() -> None:
    breaker = CircuitBreaker()
    for _ in range(TRIES - 1):
        breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(TRIES - 1):
        breaker.failed(0.0)
        assert breaker.refusal(0.0) is None
    breaker.failed(0.0)
    assert breaker.failures == TRIES == 10
    assert breaker.refusal(0.0) == SHORTEST


def test_one_probe_goes_through_after_each_pause_and_success_closes_it() -> None:
    breaker = failed_often(0.0)
    assert breaker.refusal(SHORTEST) is None
    assert breaker.refusal(SHORTEST) is not None
    breaker.succeeded()
    assert breaker.refusal(SHORTEST) is None
    assert breaker.refusal(SHORTEST) is None


def test_pauses_grow_with_the_outage_and_never_beyond_the_longest() -> None:
    breaker = failed_often(0.0)
    now, pauses = 0.0, list[float]()
    while now < 1000:
        wait = breaker.refusal(now)
        if wait is None:
            breaker.failed(now)
            wait = breaker.refusal(now)
            assert wait is not None
        pauses.append(wait)
        now += wait
        assert wait < 5.0, "its end would be noticed late"
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST


def test_failures_of_others_beside_the_probe_make_no_pause_longer() -> None:
    calm, busy = failed_often(0.0), failed_often(0.0)
    for _ in range(50):
        busy.failed(0.1)
    for breaker in (calm, busy):
        assert breaker.refusal(SHORTEST) is None
    assert calm.refusal(SHORTEST) == busy.refusal(SHORTEST)
