"""One copy: what it promises, stores and acknowledges, and in which order."""

from dataclasses import replace
from typing import Any

import pytest
from casty.serialization import MsgpackSerializer
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication import reports
from casty_cluster.protocol.replication.effects import Load, Reload, Send, Store
from casty_cluster.protocol.replication.inputs import Received, Stored, StoreFailed
from casty_cluster.protocol.replication.replica import Replica
from casty_cluster.protocol.replication.stored import (
    Contents,
    StoreConfirmation,
    StoreEntries,
    StoreLives,
    StorePromise,
    StoreView,
)
from casty_cluster.wire.replication import (
    BEFORE,
    START,
    Acknowledge,
    Confirm,
    Confirmed,
    Entry,
    Epoch,
    Fetch,
    Group,
    Need,
    Position,
    Prepare,
    Promised,
    Rejected,
    Replicate,
    Seal,
    Sealed,
    View,
    from_positions,
    to_runs,
)

E1, E2, E3 = (Epoch(counter, 7) for counter in (1, 2, 3))
VIEW = View(epoch=E2, copies=("P", "A", "B"), min_acks=1)


class Copy:
    """A replica, and a disk that stores at once unless it is slow."""

    def __init__(self) -> None:
        self.replica = Replica("C", Contents(), 5)
        self.is_slow = False
        self.stored: list[Any] = []
        self.asked: list[Store] = []

    def hear(self, message: Any, sender: str = "P") -> list[Any]:
        """The replies, and other effects, that the message causes."""
        return self._carry_out(self.replica.handle(Received(sender, message), 0.0))

    def store(self) -> list[Any]:
        """The disk stores the next change."""
        store = self.asked.pop(0)
        self.stored.append(store.change)
        return self._carry_out(self.replica.handle(Stored(store.number), 0.0))

    def _carry_out(self, effects: Any) -> list[Any]:
        self.replica.validate()
        others = [effect for effect in effects if not isinstance(effect, Store)]
        self.asked += [effect for effect in effects if isinstance(effect, Store)]
        while self.asked and not self.is_slow:
            others += self.store()
        while self.replica.next_deadline() is not None:
            others += self.replica.handle(Tick(), 0.0)
        return others


def entries(*epochs: Epoch) -> tuple[Entry, ...]:
    return tuple(Entry(epoch, b"x") for epoch in epochs)


def replicate(epoch: Epoch, previous: Position, *epochs: Epoch, start: int = 0) -> Replicate:
    return Replicate(epoch=epoch, entity="x", previous=previous, start=start, runs=to_runs(entries(*epochs)))


@pytest.fixture
def copy() -> Copy:
    """It follows P at the first epoch, and has three events of it."""
    copy = Copy()
    copy.hear(Prepare(E1))
    assert copy.hear(replicate(E1, START, E1, E1, E1)) == [Send("P", Acknowledge(E1, "x", 3))]
    return copy


def test_a_promise_is_stored_before_it_is_answered() -> None:
    copy = Copy()
    copy.is_slow = True
    assert copy.hear(Prepare(E1)) == []
    assert copy.store() == []
    (send,) = copy.store()
    life = (("C", 1, 5),)
    assert send.message == Promised(epoch=E1, view=None, confirmed=BEFORE, positions=(), part=0, parts=1, lives=life)
    assert copy.stored == [StoreLives(life), StorePromise(E1)]


def test_a_repeated_request_is_answered_again_and_not_stored(copy: Copy) -> None:
    stored = len(copy.stored)
    assert [type(send.message) for send in copy.hear(Prepare(E1))] == [Promised]
    assert len(copy.stored) == stored


def test_a_repeated_request_does_not_overtake_the_disk() -> None:
    copy = Copy()
    copy.is_slow = True
    assert copy.hear(Prepare(E1)) == copy.hear(Prepare(E1)) == []
    assert copy.store() == []
    assert [type(send.message) for send in copy.store()] == [Promised, Promised]


@pytest.mark.parametrize(
    "message",
    [Prepare(E1), Confirm(E1), Seal(E1, VIEW), Fetch(E1, "x", 0), replicate(E1, Position(E1, 3), E1)],
)
def test_nothing_of_a_lower_epoch_is_obeyed(copy: Copy, message: Any) -> None:
    """W2, W3: also where it was under way before the promise."""
    copy.hear(Prepare(E2), "A")
    stored = len(copy.stored)
    assert copy.hear(message) == [Send("P", Rejected(E1, E2))]
    assert len(copy.stored) == stored


def test_the_promise_holds_while_it_is_stored(copy: Copy) -> None:
    copy.is_slow = True
    copy.hear(Prepare(E2), "A")
    assert copy.hear(replicate(E1, Position(E1, 3), E1)) == [Send("P", Rejected(E1, E2))]


@pytest.mark.parametrize("message", [Confirm(E2), Seal(E2, VIEW), Fetch(E2, "x", 0), replicate(E2, START, E2)])
def test_an_epoch_that_was_not_promised_is_ignored(copy: Copy, message: Any) -> None:
    stored = len(copy.stored)
    assert copy.hear(message) == []
    assert len(copy.stored) == stored


def test_a_report_has_the_last_event_of_each_entity_in_parts(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "PART", 2 * (1 + reports.POSITION) + reports.EPOCH)
    for entity in ("z", "a"):
        copy.hear(Replicate(epoch=E1, entity=entity, previous=START, start=0, runs=to_runs(entries(E1))))
    copy.hear(Confirm(E1))
    parts = [send.message for send in copy.hear(Prepare(E2))]
    assert [part.positions for part in parts] == [
        ((*E1, {"x": 3, "z": 1}),),
        ((*E1, {"a": 1}),),
    ]
    assert [(part.part, part.parts, part.confirmed) for part in parts] == [(0, 0, E1), (1, 2, E1)]


def test_a_report_contains_what_is_still_being_stored(copy: Copy) -> None:
    """The reply waits for it: after the promise, nothing of the older epoch is stored any more."""
    copy.is_slow = True
    copy.hear(replicate(E1, Position(E1, 3), E1))
    copy.hear(Prepare(E2), "A")
    assert copy.store() == [Send("P", Acknowledge(E1, "x", 4))]
    (send,) = copy.store()
    assert send.message.positions == ((*E1, {"x": 4}),)


# Events


def test_events_are_acknowledged_when_they_are_stored(copy: Copy) -> None:
    copy.is_slow = True
    assert copy.hear(replicate(E1, Position(E1, 3), E1)) == []
    assert copy.store() == [Send("P", Acknowledge(E1, "x", 4))]
    assert copy.stored[-1] == StoreEntries("x", 3, entries(E1))


def test_a_repeated_event_is_acknowledged_and_not_stored_again(copy: Copy) -> None:
    """B13."""
    stored = len(copy.stored)
    assert copy.hear(replicate(E1, START, E1, E1)) == [Send("P", Acknowledge(E1, "x", 3))]
    assert len(copy.stored) == stored


def test_a_repeated_event_that_is_being_stored_is_not_acknowledged_before(copy: Copy) -> None:
    copy.is_slow = True
    copy.hear(replicate(E1, Position(E1, 3), E1))
    assert copy.hear(replicate(E1, Position(E1, 3), E1)) == []
    assert copy.store() == [Send("P", Acknowledge(E1, "x", 4))] * 2


def test_only_the_missing_part_of_a_message_is_stored(copy: Copy) -> None:
    assert copy.hear(replicate(E1, Position(E1, 2), E1, E1)) == [Send("P", Acknowledge(E1, "x", 4))]
    assert copy.stored[-1] == StoreEntries("x", 3, entries(E1))


def test_a_gap_is_asked_for(copy: Copy) -> None:
    """B13."""
    stored = len(copy.stored)
    assert copy.hear(replicate(E1, Position(E1, 5), E1)) == [Send("P", Need(E1, "x", 3))]
    assert len(copy.stored) == stored


def test_events_behind_one_that_differs_are_asked_for_from_further_back(copy: Copy) -> None:
    copy.hear(Prepare(E3), "A")
    assert copy.hear(replicate(E3, Position(E2, 3), E3), "A") == [Send("A", Need(E3, "x", 2))]


def test_events_that_differ_are_replaced_with_all_behind_them(copy: Copy) -> None:
    copy.hear(Prepare(E2), "A")
    assert copy.hear(replicate(E2, Position(E1, 1), E2, start=1), "A") == [Send("A", Acknowledge(E2, "x", 2))]
    assert copy.stored[-1] == StoreEntries("x", 1, entries(E2))
    assert copy.replica.histories["x"].position == Position(E2, 2)


def test_events_that_the_new_primary_does_not_have_are_removed(copy: Copy) -> None:
    copy.hear(Prepare(E2), "A")
    assert copy.hear(replicate(E2, Position(E1, 2), start=2), "A") == [Send("A", Acknowledge(E2, "x", 2))]
    assert copy.stored[-1] == StoreEntries("x", 2, ())


def test_events_that_the_new_primary_may_have_stay(copy: Copy) -> None:
    """A chunk from the middle of its history says nothing about what follows."""
    copy.hear(Prepare(E2), "A")
    stored = len(copy.stored)
    assert copy.hear(replicate(E2, START, E1, start=3), "A") == [Send("A", Acknowledge(E2, "x", 1))]
    assert len(copy.stored) == stored


def test_an_old_chunk_removes_no_event_of_the_primarys_epoch(copy: Copy) -> None:
    copy.hear(Prepare(E2), "A")
    copy.hear(replicate(E2, Position(E1, 2), E2, start=2), "A")
    assert copy.hear(replicate(E2, Position(E1, 1), E1, start=2), "A") == [Send("A", Acknowledge(E2, "x", 3))]
    assert copy.replica.histories["x"].position == Position(E2, 3)


def test_an_unknown_entity_is_compared_without_a_trace(copy: Copy) -> None:
    stored = len(copy.stored)
    message = Replicate(epoch=E1, entity="new", previous=START, start=0, runs=())
    assert copy.hear(message) == [Send("P", Acknowledge(E1, "new", 0))]
    assert len(copy.stored) == stored
    assert "new" not in copy.replica.histories


def test_a_previous_event_that_cannot_be_is_asked_for_from_the_start(copy: Copy) -> None:
    assert copy.hear(replicate(E1, Position(E1, 0), E1)) == [Send("P", Need(E1, "x", 0))]


def test_reading_is_left_to_the_shell(copy: Copy) -> None:
    fetch = Fetch(E1, "x", 2)
    assert copy.hear(fetch) == [Load("P", fetch)]


# Views


def test_a_confirmation_and_a_view_are_stored_before_they_are_answered(copy: Copy) -> None:
    copy.hear(Prepare(E2))
    copy.is_slow = True
    assert copy.hear(Confirm(E2)) == copy.hear(Seal(E2, VIEW)) == []
    assert copy.store() == [Send("P", Confirmed(E2))]
    assert copy.store() == [Send("P", Sealed(E2, for_good=True))]
    assert copy.stored[-2:] == [StoreConfirmation(E2), StoreView(VIEW)]


def test_repeated_confirmations_and_views_are_not_stored_again(copy: Copy) -> None:
    copy.hear(Prepare(E2))
    for message in (Confirm(E2), Seal(E2, VIEW)):
        copy.hear(message)
        stored = len(copy.stored)
        assert len(copy.hear(message)) == 1
        assert len(copy.stored) == stored


def test_a_view_that_has_taken_over_for_good_stays_so() -> None:
    """The seal before it may be repeated, or late."""
    copy = Copy()
    copy.hear(Prepare(E2))
    early = replace(VIEW, former=(Group(("X",), 0),))
    assert copy.hear(Seal(E2, early)) == [Send("P", Sealed(E2, for_good=False))]
    assert copy.hear(Seal(E2, VIEW)) == [Send("P", Sealed(E2, for_good=True))]
    assert copy.hear(Seal(E2, early)) == [Send("P", Sealed(E2, for_good=True))]
    assert copy.stored[-2:] == [StoreView(early), StoreView(VIEW)]


# The disk


def test_a_disk_that_fails_ends_the_machine(copy: Copy) -> None:
    copy.is_slow = True
    copy.hear(replicate(E1, Position(E1, 3), E1))
    copy.hear(replicate(E1, Position(E1, 4), E1))
    failed = StoreFailed(copy.asked[0].number, "no space left on device")
    assert copy.replica.handle(failed, 0.0) == [Reload("no space left on device")]
    assert copy.replica.handle(Stored(copy.asked[1].number), 0.0) == []
    assert copy.hear(Prepare(E3)) == []


def test_outcomes_may_be_reported_together(copy: Copy) -> None:
    copy.is_slow = True
    copy.hear(replicate(E1, Position(E1, 3), E1))
    copy.hear(replicate(E1, Position(E1, 4), E1))
    number = copy.asked[-1].number
    acknowledged = [Send("P", Acknowledge(E1, "x", 4)), Send("P", Acknowledge(E1, "x", 5))]
    assert copy.replica.handle(Stored(number), 0.0) == acknowledged
    assert copy.replica.handle(Stored(number), 0.0) == []


def test_time_changes_nothing(copy: Copy) -> None:
    assert copy.replica.handle(Tick(), 9.0) == []
    assert copy.replica.next_deadline() is None


@pytest.mark.parametrize("length", [1, 64, 5_000])
def test_a_report_of_any_names_fits_into_control_frames(length: int) -> None:
    copy = Copy()
    copy.hear(Prepare(E1))
    count = min(400, 200_000 // length)
    for number in range(count):
        name = f"{number:05}".ljust(length, "é")
        copy.hear(Replicate(epoch=E1, entity=name, previous=START, start=0, runs=to_runs(entries(E1))))
    made = [send.message for send in copy.hear(Prepare(E2))]
    names = [entity for report in made for entity, _ in from_positions(report.positions)]
    assert sorted(names) == sorted(set(names))
    assert len(names) == count
    serializer = MsgpackSerializer(strict=True)
    assert max(len(serializer.dumps(report.positions)) for report in made) <= reports.PART
