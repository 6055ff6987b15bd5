"""Holding a lease: renewing it, knowing when it is lost, and never believing in it for too long."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random

import pytest
from casty.spi.lease import LeaseGrant
from casty_cluster.protocol import lease_holder
from casty_cluster.protocol.lease_holder import (
    Acquire,
    Answered,
    Ask,
    Denied,
    Effect,
    Failed,
    GiveBack,
    Granted,
    Input,
    LeaseHolder,
    Lost,
    Release,
)
from casty_cluster.protocol.machine import Tick

SECONDS = 12.0


def held(token: int = 1) -> LeaseHolder:
    """One that asked at 100.0 and was answered at once."""
    holder = LeaseHolder(SECONDS)
    assert holder.handle(Acquire(), 100.0) == [Ask(1)]
    assert holder.handle(Answered(LeaseGrant(token, SECONDS)), 100.0) == [Granted(token)]
    holder.validate()
    return holder


def test_a_lease_is_trusted_from_when_it_was_asked_for_but_for_a_margin() -> None:
    holder = LeaseHolder(SECONDS)
    holder.handle(Acquire(), 100.0)
    holder.handle(Answered(LeaseGrant(1, SECONDS)), 104.0)
    assert holder.check(109.9)
    assert not holder.check(110.0)


def test_it_is_renewed_after_a_third_of_its_time() -> None:
    holder = held()
    assert holder.next_deadline() == 104.0
    assert holder.handle(Tick(), 103.9) == []
    assert holder.handle(Tick(), 104.0) == [Ask(1)]
    assert holder.handle(Tick(), 105.0) == []
    assert holder.handle(Answered(LeaseGrant(1, SECONDS)), 105.0) == []
    assert holder.next_deadline() == 108.0
    assert holder.check(113.9)


def test_a_failed_renewal_is_tried_again_until_the_time_is_over() -> None:
    holder = held()
    asked, now = 0, 100.0
    effects: list[Effect] = []
    while holder.token is not None:
        due = holder.next_deadline()
        assert due is not None
        now = due
        effects = holder.handle(Tick(), now)
        if Ask(1) in effects:
            asked += 1
            assert holder.handle(Failed("no connection"), now) == []
    assert (now, asked) == (110.0, 5)
    assert effects == [GiveBack(1), Lost("it could not be renewed in time")]


def test_a_store_that_does_not_answer_costs_the_lease_in_time() -> None:
    holder = held()
    assert holder.handle(Tick(), 104.0) == [Ask(1)]
    assert holder.next_deadline() == 110.0
    assert holder.handle(Tick(), 110.0) == [Lost("it could not be renewed in time")]
    assert holder.handle(Answered(LeaseGrant(1, SECONDS)), 111.0) == [GiveBack(1)]


def test_a_paused_holder_knows_before_any_tick() -> None:
    assert not held().check(1_000.0)


def test_a_lease_that_another_holder_has_is_denied() -> None:
    holder = LeaseHolder(SECONDS)
    holder.handle(Acquire(), 0.0)
    assert holder.handle(Answered(None), 0.1) == [Denied("another holder has it")]
    assert holder.handle(Acquire(), 1.0) == [Ask(1)]


def test_a_refused_renewal_is_a_loss() -> None:
    holder = held()
    holder.handle(Tick(), 104.0)
    assert holder.handle(Answered(None), 104.1) == [Lost("another holder has it")]
    assert not holder.check(104.1)
    assert holder.next_deadline() is None


def test_a_renewal_with_another_token_is_a_loss() -> None:
    """In between another holder may have had the lease."""
    holder = held()
    holder.handle(Tick(), 104.0)
    assert holder.handle(Answered(LeaseGrant(3, SECONDS)), 104.1) == [
        Lost("it had expired before it was renewed"),
        GiveBack(3),
    ]


def test_a_grant_that_comes_too_late_is_none() -> None:
    holder = LeaseHolder(SECONDS)
    holder.handle(Acquire(), 0.0)
    assert holder.handle(Answered(LeaseGrant(1, SECONDS)), 10.0) == [
        Denied("the store took too long to grant it"),
        GiveBack(1),
    ]


def test_what_may_have_been_granted_runs_out() -> None:
    holder = LeaseHolder(SECONDS)
    holder.handle(Acquire(), 0.0)
    assert holder.handle(Failed("no answer"), 5.0) == [Denied("no answer")]


def test_what_is_granted_after_it_is_wanted_no_more_is_given_back() -> None:
    holder = LeaseHolder(SECONDS)
    holder.handle(Acquire(), 0.0)
    assert holder.handle(Release(), 0.1) == []
    assert holder.handle(Answered(LeaseGrant(1, SECONDS)), 0.2) == [GiveBack(1)]
    assert holder.token is None


def test_a_lease_is_given_back_once() -> None:
    holder = held()
    assert holder.handle(Release(), 101.0) == [GiveBack(1)]
    assert holder.handle(Release(), 101.0) == []
    assert not holder.check(101.0)


def test_after_a_lease_was_given_back_it_is_asked_for_by_another_name() -> None:
    """The release may come late: by then the lease must not be the same holder's again."""
    holder = held()
    holder.handle(Release(), 101.0)
    assert holder.handle(Acquire(), 101.0) == [Ask(2)]


def test_an_answer_without_a_request_means_nothing() -> None:
    holder = LeaseHolder(SECONDS)
    assert holder.handle(Answered(LeaseGrant(1, SECONDS)), 0.0) == []
    assert holder.token is None


@dataclass
class Store:
    """A lease by real time, which the holders' clocks only approximate."""

    owner: str = ""
    token: int = 0
    expires: float = 0.0

    def acquire(self, owner: str, now: float) -> LeaseGrant | None:
        is_held = now < self.expires
        if is_held and owner != self.owner:
            return None
        self.token += 0 if is_held else 1
        self.owner, self.expires = owner, now + SECONDS
        return LeaseGrant(self.token, SECONDS)

    def release(self, token: int, now: float) -> None:
        if token == self.token:
            self.expires = min(self.expires, now)


class Contest:
    """Three holders that want one lease, on a slow and lossy network, with pauses and with clocks up to 10 % off."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.store = Store()
        self.holders = {name: LeaseHolder(SECONDS) for name in "abc"}
        self.rates = {name: self.random.uniform(0.9, 1.1) for name in "abc"}
        self.grants = 0
        self.tokens: list[int] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._paused = dict.fromkeys("abc", 0.0)

    def run(self, seconds: float) -> None:
        for name in self.holders:
            self._later(self.random.random(), lambda name=name: self._give(name, Acquire()))
        while self._events and self._events[0][0] < seconds:
            self.now, _, action = heappop(self._events)
            action()
            sure = [name for name, holder in self.holders.items() if holder.check(self._clock(name))]
            assert len(sure) <= 1, f"at {self.now:.2f} s {sure} are sure to have the lease"
            if self.random.random() < 0.01:
                self._paused[self.random.choice("abc")] = self.now + self.random.uniform(0.0, 30.0)

    def _clock(self, name: str) -> float:
        return 1_000.0 + self.now * self.rates[name]

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        heappush(self._events, (self.now + delay, next(self._order), action))

    def _give(self, name: str, given: Input | Tick) -> None:
        if self.now < self._paused[name]:
            self._later(self._paused[name] - self.now, lambda: self._give(name, given))
            return
        holder = self.holders[name]
        for effect in holder.handle(given, self._clock(name)):
            self._carry_out(name, effect)
        holder.validate()
        due = holder.next_deadline()
        if due is not None:
            self._later(max(0.0, (due - self._clock(name)) / self.rates[name]), lambda: self._give(name, Tick()))

    def _carry_out(self, name: str, effect: Effect) -> None:
        match effect:
            case Ask(attempt):
                self._later(self._delay(), lambda: self._ask(name, f"{name}/{attempt}"))
            case GiveBack(token):
                if self.random.random() < 0.7:
                    self._later(self._delay(), lambda: self.store.release(token, self.now))
            case Granted(token):
                self.grants += 1
                self.tokens.append(token)
                if self.random.random() < 0.3:
                    self._later(self.random.uniform(0.0, 20.0), lambda: self._give(name, Release()))
                    self._later(self.random.uniform(21.0, 40.0), lambda: self._give(name, Acquire()))
            case Denied() | Lost():
                self._later(self.random.uniform(0.0, 5.0), lambda: self._give(name, Acquire()))

    def _ask(self, name: str, owner: str) -> None:
        if self.random.random() < 0.1:
            self._later(4.0, lambda: self._give(name, Failed("lost on the way")))
            return
        grant = self.store.acquire(owner, self.now)
        lost = self.random.random() < 0.1
        self._later(4.0 if lost else self._delay(), lambda: self._give(name, Failed("") if lost else Answered(grant)))

    def _delay(self) -> float:
        return self.random.choice((0.001, 0.001, 0.1, 1.0, 3.0)) * self.random.random()


def test_two_are_never_sure_of_one_lease() -> None:
    grants = 0
    for seed in range(150):
        contest = Contest(seed)
        contest.run(300.0)
        assert contest.tokens == sorted(contest.tokens)
        grants += contest.grants
    assert grants > 150 * 5


def test_without_the_margin_two_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_holder, "MARGIN", 0.0)
    wrong = 0
    for seed in range(150):
        try:
            Contest(seed).run(300.0)
        except AssertionError:
            wrong += 1
    assert wrong > 0
