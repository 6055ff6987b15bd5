"""Barriers: a round ends for exactly the parties that were there, each time."""

from typing import Any

import pytest
from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Refused, Steps, Withdraw
from casty.coordination.structures import Rendezvous
from casty.coordination.structures.rendezvous import Arrive, Present
from casty.coordination.waiters import GRACE

from tests.core.coordination.world import Call, Caller, World

PARTIES = 3


class Party(Caller):
    """Arrives round after round."""

    def __init__(self, world: World, name: str, rounds: int, passed: list[tuple[int, float, float]]) -> None:
        super().__init__(world, name)
        self._rounds = rounds
        self._passed = passed

    def begin(self) -> None:
        if self._rounds:
            self._rounds -= 1
            call: list[Call] = []

            def through(generation: Any) -> None:
                self._passed.append((generation, call[0].invoked, self.world.time))
                self.world.later(self.world.random.uniform(0, 2), self.begin)

            command = Arrive(self.name, PARTIES, 2.0)
            call.append(self.call(None, command, through, lambda: None, attempts=50))


@pytest.mark.parametrize("seed", range(100))
def test_a_round_is_passed_by_all_parties_that_were_there_and_by_no_other(seed: int) -> None:
    world = World(Rendezvous, f"barrier-{seed}", loss=0.1)
    passed: list[tuple[int, float, float]] = []
    for number in range(PARTIES):
        Party(world, f"{number}", 4, passed).begin()
    for _ in range(2):
        world.later(world.random.uniform(0, 20), world.restart)
    world.run(until=2_000.0)
    rounds = [[one for one in passed if one[0] == generation] for generation in range(1, 5)]
    assert [len(one) for one in rounds] == [PARTIES] * 4
    for parties in rounds:
        last_arrival = max(invoked for _, invoked, _ in parties)
        assert all(through >= last_arrival for _, _, through in parties)


class Meeting:
    """A barrier at which operations are numbers."""

    def __init__(self) -> None:
        self.barrier = Rendezvous()
        self.time = 0.0

    def decide(self, command: Any, operation: int) -> dict[int, Any]:
        return self._done(self.barrier.decide(command, OperationId("c", operation), Instant(self.time, 0.0)))

    def arrive(self, party: str, operation: int, expected: int = 2, wait: float = 2.0) -> dict[int, Any]:
        return self.decide(Arrive(party, expected, wait), operation)

    def at(self, time: float) -> dict[int, Any]:
        self.time = time
        return self._done(self.barrier.tick(Instant(time, 0.0)))

    def _done(self, steps: Steps) -> dict[int, Any]:
        replies: dict[int, Any] = {}
        for step in steps:
            match step:
                case Answer(to, value):
                    replies[to.number] = value
                case Change(fact, by):
                    assert by is not None
                    replies[by.number] = self.barrier.apply(fact, by)
        return replies


def test_rounds_follow_each_other() -> None:
    meeting = Meeting()
    assert meeting.arrive("a", 1) == {}
    assert meeting.arrive("b", 2) == {1: 1, 2: 1}
    assert meeting.arrive("b", 3) == {}
    assert meeting.arrive("a", 4) == {3: 2, 4: 2}


def test_rounds_of_a_barrier_that_was_destroyed_do_not_come_again() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1)
    assert meeting.arrive("b", 2) == {1: 1, 2: 1}
    meeting.barrier = meeting.barrier.destroyed()
    meeting.arrive("a", 3)
    assert meeting.arrive("b", 4) == {3: 2, 4: 2}


def test_a_party_that_withdraws_does_not_count() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1)
    assert meeting.decide(Withdraw(OperationId("c", 1)), 9) == {1: WAITING, 9: None}
    assert meeting.arrive("b", 2) == {}
    assert meeting.decide(Present(), 9) == {9: ("b",)}


def test_a_party_that_does_not_ask_again_does_not_count() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1, wait=2.0)
    assert meeting.at(2.0) == {1: WAITING}
    assert meeting.at(2.0 + GRACE) == {}
    assert meeting.arrive("b", 2) == {}


def test_a_party_arrives_once_in_a_round() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1)
    refused = meeting.arrive("a", 2)[2]
    assert isinstance(refused, Refused)
    assert "'a' has arrived already" in refused.reason


def test_the_next_process_of_a_party_takes_its_place() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1, wait=2.0)
    meeting.at(2.0)
    assert meeting.arrive("a", 2) == {}
    assert meeting.arrive("b", 3) == {2: 1, 3: 1}


def test_parties_agree_on_their_number() -> None:
    meeting = Meeting()
    meeting.arrive("a", 1, expected=3)
    refused = meeting.arrive("b", 2, expected=2)[2]
    assert isinstance(refused, Refused)
    assert "'a' expects 3 parties, and not 2" in refused.reason
