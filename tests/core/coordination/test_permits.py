"""Locks and semaphores: never more valid holders than permits, tokens that only grow, and callers that end."""

from collections.abc import Callable
from typing import Any

import pytest
from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Steps, Withdraw
from casty.coordination.structures import Permits
from casty.coordination.structures.permits import Acquire, Ended, Granted, Holders, Release, Renew
from casty.coordination.waiters import GRACE, Waiters

from tests.core.coordination.holding import Site
from tests.core.coordination.world import World

SEEDS = range(150)


@pytest.mark.parametrize("permits", [1, 2])
def test_grants_are_exclusive_and_linearizable(permits: int) -> None:
    grants = 0
    for seed in SEEDS:
        site = Site(f"permits-{seed}", permits)
        site.run()
        site.check()
        grants += len(site.holdings)
    assert grants > 3 * len(SEEDS)


def is_violated(seeds: range) -> bool:
    for seed in seeds:
        site = Site(f"permits-{seed}", 1)
        site.run()
        try:
            site.check()
        except AssertionError:
            return True
    return False


def ends_early(self: Any, now: Instant) -> None:
    for token, grant in self.grants.items():
        self._ends.setdefault(token, now.time + grant.ttl / 2)


def repeat_always(self: Permits, command: Any, result: Any, now: Instant) -> bool:
    return True


@pytest.mark.parametrize(("name", "replacement"), [("_plan", ends_early), ("may_repeat", repeat_always)])
def test_each_clause_is_needed(name: str, replacement: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Permits, name, replacement)
    assert is_violated(range(1_000))


def test_a_recovered_lease_needs_its_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    restart = World.restart

    def restart_and_free(self: World) -> None:
        restart(self)
        for token in self.state.structure.grants:
            self.state.structure._ends[token] = self.time

    monkeypatch.setattr(World, "restart", restart_and_free)
    assert is_violated(range(1_000))


class Desk:
    """A semaphore whose callers are numbered, on a clock that the test moves."""

    def __init__(self, permits: int = 1, ttl: float = 15.0) -> None:
        self.permits = Permits()
        self.time = 0.0
        self._count, self._ttl = permits, ttl

    def now(self) -> Instant:
        return Instant(self.time, 0.0)

    def acquire(self, caller: int, wait: float = 2.0) -> list[tuple[int, Any]]:
        return self.decide(Acquire(self._count, self._ttl, f"{caller}", wait), caller)

    def decide(self, command: Any, caller: int = 0) -> list[tuple[int, Any]]:
        return self._done(self.permits.decide(command, OperationId("c", caller), self.now()))

    def at(self, time: float) -> list[tuple[int, Any]]:
        """Let time pass, with all ticks that are due."""
        replies: list[tuple[int, Any]] = []
        while (due := self.permits.due(self.now())) is not None and due <= time:
            self.time = max(self.time, due)
            replies += self._done(self.permits.tick(self.now()))
        self.time = time
        return replies

    def _done(self, steps: Steps) -> list[tuple[int, Any]]:
        replies: list[tuple[int, Any]] = []
        for step in steps:
            match step:
                case Answer(to, value):
                    replies.append((to.number, value))
                case Change(fact, by):
                    result = self.permits.apply(fact, by)
                    if by is not None:
                        replies.append((by.number, result))
        self.permits.due(self.now())
        return replies


def test_callers_are_served_in_the_order_in_which_they_came() -> None:
    desk = Desk()
    assert desk.acquire(1) == [(1, 1)]
    assert [desk.acquire(caller) for caller in (2, 3, 4)] == [[], [], []]
    assert desk.decide(Release(1), 9) == [(9, True), (2, 2)]
    assert desk.decide(Release(2), 9) == [(9, True), (3, 3)]


def test_a_caller_that_asks_again_keeps_its_place() -> None:
    desk = Desk()
    desk.acquire(1)
    desk.acquire(2, wait=1.0)
    desk.acquire(3, wait=5.0)
    assert desk.at(1.0) == [(2, WAITING)]
    desk.acquire(2, wait=5.0)
    assert desk.decide(Release(1), 9) == [(9, True), (2, 2)]


def test_a_place_is_kept_between_two_asks_and_not_for_longer() -> None:
    desk = Desk()
    desk.acquire(1)
    desk.acquire(2, wait=1.0)
    desk.acquire(3, wait=30.0)
    assert desk.at(1.5) == [(2, WAITING)]
    assert desk.decide(Release(1), 9) == [(9, True)]  # caller 2 is first, and may be about to ask
    assert desk.at(1.0 + GRACE) == [(3, 2)]


def test_a_lease_ends_without_a_renewal_and_goes_to_the_next_caller() -> None:
    desk = Desk(ttl=15.0)
    desk.acquire(1)
    desk.acquire(2, wait=60.0)
    desk.time = 10.0
    assert desk.decide(Renew(1)) == [(0, True)]
    assert desk.at(24.9) == []
    assert desk.at(25.0) == [(2, 2)]
    assert desk.decide(Renew(1)) == [(0, False)]
    assert desk.decide(Release(1), 9) == [(9, False)]


def test_a_lease_that_has_ended_is_not_renewed_though_no_tick_came() -> None:
    desk = Desk(ttl=15.0)
    desk.acquire(1)
    desk.time = 15.0
    assert desk.decide(Renew(1)) == [(0, False)]


def test_a_caller_that_withdraws_gets_nothing_and_keeps_nothing() -> None:
    """B9: a waiter that is cancelled never holds the lock."""
    desk = Desk()
    desk.acquire(1)
    desk.acquire(2)
    desk.acquire(3)
    assert desk.decide(Withdraw(OperationId("c", 2)), 8) == [(2, WAITING), (8, None)]
    assert desk.decide(Withdraw(OperationId("c", 1)), 8) == [(3, 2), (8, None)]
    assert desk.decide(Holders()) == [(0, (("3", 2),))]


def test_nine_hundred_of_a_thousand_callers_withdraw() -> None:
    desk = Desk()
    desk.acquire(0)
    for caller in range(1, 1_001):
        desk.acquire(caller, wait=60.0)
    for caller in range(1, 1_001):
        if caller % 10:
            desk.decide(Withdraw(OperationId("c", caller)), 5_000)
    served: list[int] = []
    for token in range(1, 101):
        _, (caller, _) = desk.decide(Release(token), 5_000)
        served.append(caller)
    assert served == list(range(10, 1_001, 10))


def test_a_try_does_not_overtake_callers_that_wait() -> None:
    desk = Desk()
    desk.acquire(1)
    desk.acquire(2, wait=1.0)
    desk.at(1.5)
    desk.decide(Release(1), 9)  # free, and kept for caller 2
    assert desk.acquire(3, wait=0.0) == [(3, None)]


def test_another_number_of_permits_is_refused() -> None:
    desk = Desk(permits=5)
    desk.acquire(1)
    ((caller, refused),) = desk.decide(Acquire(3, 15.0, "x", 2.0), 2)
    assert caller == 2
    assert "it has 5 permits, and was used with 3" in refused.reason


def test_tokens_do_not_come_again_after_it_is_destroyed() -> None:
    desk = Desk()
    desk.acquire(1)
    desk.permits = desk.permits.destroyed()
    assert desk.acquire(2) == [(2, 2)]


def test_a_wall_clock_that_jumps_changes_nothing() -> None:
    permits = Permits()
    caller = OperationId("c", 1)
    (change,) = permits.decide(Acquire(1, 15.0, "a", 2.0), caller, Instant(0.0, 1_000.0))
    assert isinstance(change, Change)
    assert isinstance(change.fact, Granted)
    permits.apply(change.fact, caller)
    assert permits.due(Instant(0.0, 1_000.0)) == 15.0
    assert permits.tick(Instant(14.0, 1_000.0 + 86_400.0)) == []
    assert permits.tick(Instant(15.0, 1_000.0 - 86_400.0)) == [Change(Ended(1, expired=True))]


def test_what_is_kept_of_callers_is_bounded() -> None:
    waiters = Waiters()
    for caller in range(100):
        waiters.ask(OperationId("c", caller), None, until=1.0)
    assert len(waiters.tick(1.0)) == 100
    assert waiters.tick(1.0 + GRACE) == []
    assert (len(waiters), waiters.due()) == (0, None)
