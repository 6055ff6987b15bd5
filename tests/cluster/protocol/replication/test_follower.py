"""How a primary brings one copy in step: at once, in chunks with credits, and again where nothing comes back."""

from collections.abc import Sequence
from typing import Any

import pytest
from casty_cluster.protocol.replication.effects import Send
from casty_cluster.protocol.replication.follower import CREDITS, RESEND, SLICE, WINDOW, Follower
from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.models import Own
from casty_cluster.wire.replication import (
    START,
    Acknowledge,
    Entry,
    Epoch,
    Fetch,
    Fetched,
    Need,
    Position,
    Replicate,
    to_run,
    to_runs,
)

E1, E2 = Epoch(1, 7), Epoch(2, 7)


class Link:
    """The primary P at the second epoch, and its copy C: what it sends, and the replies."""

    def __init__(self, **last: int) -> None:
        """The primary starts with these numbers of events of the first epoch."""
        self.now = 0.0
        self.histories: dict[str, History] = {}
        for entity, count in last.items():
            self.histories[entity] = History()
            for _ in range(count):
                self.histories[entity].append(E1)
        self.follower = Follower("C", E2, Own("P", E2, self.histories))

    def begin(self, **last: Position) -> list[Any]:
        return self._messages(self.follower.begin(last, self.histories, self.now))

    def add(self, entity: str = "x") -> list[Any]:
        """The primary writes an event."""
        history = self.histories.setdefault(entity, History())
        message = Replicate(
            epoch=E2,
            entity=entity,
            previous=history.position,
            start=history.before(E2),
            runs=(to_run(E2, (b"new",)),),
        )
        effects = self.follower.add(message, self.now)
        history.append(E2)
        return self._messages(effects)

    def read(self, fetch: Fetch, count: int) -> list[Any]:
        """The disk of the primary has read that many events."""
        history = self.histories[fetch.entity]
        entries = tuple(Entry(history.at(fetch.after + number).epoch, b"old") for number in range(1, count + 1))
        fetched = Fetched(epoch=E2, entity=fetch.entity, previous=history.at(fetch.after), runs=to_runs(entries))
        return self._messages(self.follower.fetched(fetched, self.now))

    def acknowledge(self, number: int, entity: str = "x") -> list[Any]:
        return self._messages(self.follower.acknowledge(Acknowledge(E2, entity, number), self.now))

    def need(self, after: int, entity: str = "x") -> list[Any]:
        return self._messages(self.follower.need(Need(E2, entity, after), self.now))

    def expire(self) -> list[Any]:
        self.now += RESEND
        return self._messages(self.follower.expire(self.now))

    def _messages(self, effects: Sequence[Send[Any]]) -> list[Any]:
        self.follower.validate()
        for send in effects:
            assert send.to == ("P" if isinstance(send.message, Fetch) else "C")
        return [send.message for send in effects]


def test_a_copy_with_the_same_histories_is_equal_at_once() -> None:
    link = Link(x=3, y=1)
    assert link.begin(x=Position(E1, 3), y=Position(E1, 1)) == []
    assert link.follower.is_equal
    assert link.follower.acknowledged("x") == 3
    assert link.follower.next_deadline() is None


def test_what_a_copy_lacks_is_read_and_sent_on() -> None:
    link = Link(x=3)
    assert link.begin(x=Position(E1, 1)) == [Fetch(E2, "x", 1)]
    (message,) = link.read(Fetch(E2, "x", 1), 2)
    assert (message.previous, message.start, len(message.entries)) == (Position(E1, 1), 3, 2)
    assert not link.follower.is_equal
    assert link.acknowledge(3) == []
    assert link.follower.is_equal
    assert link.follower.next_deadline() is None


def test_an_empty_copy_is_caught_up_chunk_by_chunk() -> None:
    link = Link(x=5)
    assert link.begin() == [Fetch(E2, "x", 0)]
    for after in (0, 2):
        link.read(Fetch(E2, "x", after), 2)
        assert link.acknowledge(after + 2) == [Fetch(E2, "x", after + 2)]
    link.read(Fetch(E2, "x", 4), 1)
    assert link.acknowledge(5) == []
    assert link.follower.is_equal


def test_what_only_the_copy_has_is_compared_as_well() -> None:
    link = Link(x=2)
    assert link.begin(x=Position(E1, 4), y=Position(E1, 1)) == [Fetch(E2, "y", 0), Fetch(E2, "x", 2)]
    (message,) = link.read(Fetch(E2, "x", 2), 0)
    assert (message.previous, message.start, message.entries) == (Position(E1, 2), 2, ())
    link.acknowledge(2)
    assert not link.follower.is_equal
    link.histories["y"] = History()
    link.read(Fetch(E2, "y", 0), 0)
    link.acknowledge(0, "y")
    assert link.follower.is_equal


def test_no_more_chunks_are_under_way_than_there_are_credits() -> None:
    link = Link(**{f"e{number}": 1 for number in range(CREDITS + 2)})
    first, *others = link.begin()
    assert len(others) == CREDITS - 1
    link.read(first, 1)
    (following,) = link.acknowledge(1, first.entity)
    assert following not in (first, *others)


def test_new_events_go_at_once_and_are_acknowledged_one_by_one() -> None:
    link = Link(x=1)
    link.begin(x=Position(E1, 1))
    (first,), (second,) = link.add(), link.add()
    assert (first.previous, second.previous) == (Position(E1, 1), Position(E2, 2))
    assert first.start == second.start == 1
    assert link.follower.acknowledged("x") == 1
    link.acknowledge(2)
    assert link.follower.acknowledged("x") == 2
    link.acknowledge(3)
    assert link.follower.acknowledged("x") == 3
    assert link.follower.next_deadline() is None


def test_new_events_of_a_history_that_is_caught_up_are_read_later() -> None:
    """Catching up holds up no write, and a write is not lost in it."""
    link = Link(x=4)
    link.begin()
    assert link.add() == []
    link.read(Fetch(E2, "x", 0), 4)
    assert link.acknowledge(4) == [Fetch(E2, "x", 4)]
    assert link.follower.is_equal, "it has all that the primary has started with"
    link.read(Fetch(E2, "x", 4), 1)
    assert link.follower.acknowledged("x") == 4
    link.acknowledge(5)
    assert link.follower.acknowledged("x") == 5


def test_a_slow_copy_gets_no_more_than_a_window_and_catches_up_later() -> None:
    link = Link()
    link.begin()
    sent = [message for _ in range(WINDOW + 5) for message in link.add()]
    assert [type(message) for message in sent] == [Replicate] * WINDOW + [Fetch]
    link.read(Fetch(E2, "x", WINDOW), 5)
    assert link.acknowledge(WINDOW + 5) == []
    assert len(link.add()) == 1


def test_a_window_is_for_all_entities_together() -> None:
    link = Link()
    link.begin()
    for number in range(WINDOW):
        link.add(f"e{number}")
    assert link.add() == [Fetch(E2, "x", 0)]
    link.acknowledge(1, "e0")
    assert [type(message) for message in link.add("other")] == [Replicate]


def test_events_behind_a_gap_are_read_again() -> None:
    link = Link()
    link.begin()
    link.add()  # lost
    link.add()
    assert link.need(0) == [Fetch(E2, "x", 0)]
    (message,) = link.read(Fetch(E2, "x", 0), 2)
    assert (message.previous, len(message.entries)) == (START, 2)
    assert link.acknowledge(2) == []


def test_where_two_histories_part_is_found_by_asking_again() -> None:
    link = Link(x=5)
    assert link.begin(x=Position(Epoch(1, 9), 4)) == [Fetch(E2, "x", 4)]
    link.read(Fetch(E2, "x", 4), 1)
    assert link.need(2) == [Fetch(E2, "x", 2)]
    link.read(Fetch(E2, "x", 2), 3)
    assert link.acknowledge(5) == []
    assert link.follower.is_equal


def test_what_has_no_reply_is_sent_again_from_the_last_event_that_is_certain() -> None:
    link = Link(x=6)
    link.begin(x=Position(E1, 2))
    link.read(Fetch(E2, "x", 2), 2)
    link.acknowledge(4)
    link.read(Fetch(E2, "x", 4), 2)
    assert link.follower.next_deadline() == RESEND
    assert link.expire() == [Fetch(E2, "x", 4)]


def test_a_chunk_that_is_not_read_is_asked_for_again() -> None:
    link = Link(x=6)
    link.begin()
    for _ in range(3):
        assert link.expire() == [Fetch(E2, "x", 0)]


def test_a_new_event_that_is_lost_is_sent_again() -> None:
    link = Link()
    link.begin()
    link.add()
    assert link.expire() == [Fetch(E2, "x", 0)]


def test_an_acknowledgement_of_each_event_postpones_the_time_out_of_its_entity_only() -> None:
    link = Link()
    link.begin()
    link.add("y")
    link.add()
    link.now = RESEND / 2
    link.acknowledge(1)
    link.now = 0.0
    assert link.expire() == [Fetch(E2, "y", 0)]


@pytest.mark.parametrize("number", [0, 2])
def test_a_late_reply_takes_nothing_back(number: int) -> None:
    link = Link(x=3)
    link.begin()
    link.read(Fetch(E2, "x", 0), 3)
    link.acknowledge(3)
    assert link.acknowledge(number) == []
    assert link.need(number) == []
    assert link.follower.acknowledged("x") == 3


def test_a_reply_about_events_that_the_primary_does_not_have_is_ignored() -> None:
    link = Link(x=3)
    link.begin()
    assert link.acknowledge(9) == []
    assert link.acknowledge(9, "unknown") == []
    assert link.need(0, "unknown") == []
    assert not link.follower.is_equal


def test_a_chunk_that_was_read_twice_is_sent_once() -> None:
    link = Link(x=3)
    link.begin()
    assert len(link.read(Fetch(E2, "x", 0), 2)) == 1
    assert link.read(Fetch(E2, "x", 0), 2) == []


def test_a_copy_is_in_step_when_all_histories_are_compared_and_nothing_is_under_way() -> None:
    link = Link(**{f"x{number}": 1 for number in range(SLICE + 1)})
    link.begin(**{entity: history.position for entity, history in link.histories.items()})
    assert not link.follower.is_in_step, "one is not compared yet"
    link.follower.compare(link.now)
    assert link.follower.is_in_step
    link.add("x7")
    assert not link.follower.is_in_step
    link.follower.acknowledge(Acknowledge(E2, "x7", 2), link.now)
    assert link.follower.is_in_step
