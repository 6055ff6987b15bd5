"""Snapshots take the place of committed events, on all copies, and bring empty ones in step."""

from typing import Any

import pytest
from casty_cluster.protocol.replication.inputs import SaveSnapshot
from casty_cluster.wire.replication import Epoch, Install, Need, Replicate

from tests.cluster.protocol.replication.group import Group, led_by_a

E1 = Epoch(1, 0)


def save(group: Group, name: str, *, back: int = 0) -> None:
    group.do_save(group.node(name).index, 0, back)


def snapshot_on(group: Group, name: str) -> int:
    """The last event that is kept as a state on that disk."""
    histories = group.node(name).disk.contents.histories
    return histories["e0"].snapshot if "e0" in histories else 0


def sent_to(group: Group, name: str, kind: type[Any]) -> list[Any]:
    """The messages of that kind that A has sent to a node."""
    copy = group.node(name).copy
    return [message for to, message in group.sent if to == copy and isinstance(message, kind)]


def test_all_copies_keep_the_state_in_place_of_the_events() -> None:
    group = led_by_a(events=5)
    save(group, "A", back=2)
    group.run()
    assert [snapshot_on(group, name) for name in "ABC"] == [3, 3, 3]
    assert [group.events(name) for name in "ABC"] == [[1, 2, 3, 4, 5]] * 3
    group.append("A")
    group.run()
    assert group.committed("A")[-1] == 6


def test_events_that_are_not_committed_stay() -> None:
    group = led_by_a(events=2)
    group.append("A")
    group.run(without="BC")
    save(group, "A")
    save(group, "A", back=1)
    group.run()
    assert [snapshot_on(group, name) for name in "ABC"] == [2, 2, 2]


@pytest.mark.parametrize("given", [SaveSnapshot("e0", 0, b""), SaveSnapshot("e0", 9, b""), SaveSnapshot("new", 1, b"")])
def test_events_that_there_are_not_have_no_snapshot(given: SaveSnapshot) -> None:
    group = led_by_a(events=2)
    group.give(group.node("A"), given)
    group.run()
    assert snapshot_on(group, "A") == 0
    assert "new" not in group.node("A").disk.contents.histories


def test_only_the_primary_saves_snapshots() -> None:
    group = led_by_a(events=2)
    save(group, "B")
    assert group.network == []
    group.run()
    assert snapshot_on(group, "B") == 0


def test_an_empty_copy_gets_the_state_and_the_events_after_it() -> None:
    group = led_by_a(spares=1, events=6)
    save(group, "A", back=2)
    group.run()
    group.promote("A", "BD")
    group.run()
    assert group.events("D") == [1, 2, 3, 4, 5, 6]
    assert snapshot_on(group, "D") == 4
    (installed,) = sent_to(group, "D", Install)
    assert installed.lineage == ((*E1, 4),)
    assert all(message.previous.sequence_nr >= 4 for message in sent_to(group, "D", Replicate))


def test_the_primarys_own_copy_is_completed_with_a_snapshot() -> None:
    group = led_by_a(events=1)
    for _ in range(4):
        group.append("A")
    group.run(without="C")
    save(group, "A", back=1)
    group.run(without="C")
    group.promote("C")
    group.run(without="A")
    assert group.is_active("C")
    assert group.events("C") == [1, 2, 3, 4, 5]
    assert snapshot_on(group, "C") == 4


def test_events_of_a_lost_primary_give_way_to_a_snapshot() -> None:
    group = led_by_a(events=1)
    for _ in range(2):
        group.append("A")
    group.run(without="BC")
    group.network.clear()
    group.promote("B")
    group.run(without="A")
    for _ in range(3):
        group.append("B")
    group.run(without="A")
    save(group, "B")
    group.run(without="A")
    group.run(ticks=3)
    assert group.events("A") == group.events("B")
    assert snapshot_on(group, "A") == 4


def test_events_under_way_come_before_or_after_the_snapshot() -> None:
    group = led_by_a(events=2)
    group.append("A")
    group.run(without="C")
    save(group, "A")
    late = [message for message in group.network if message[1] == group.node("C").copy]
    group.network = [message for message in group.network if message not in late]
    group.run()
    group.network += late
    group.run(ticks=2)
    assert [group.events(name) for name in "ABC"] == [[1, 2, 3]] * 3


def test_a_repeated_snapshot_is_stored_once() -> None:
    group = led_by_a(events=2)
    save(group, "A")
    group.network += group.network
    group.run()
    stored = [change for change in group.stored_on("B") if "Snapshot" in type(change).__name__]
    assert len(stored) == 1


def test_a_history_that_an_operator_has_abandoned_is_dropped_and_fetched_anew() -> None:
    """A copy with a snapshot cannot go back to an event in the middle of it."""
    group = led_by_a(replicas=2, events=1)
    for _ in range(3):
        group.append("A")
    group.run(without="C")
    save(group, "A")
    group.run(without="C")
    group.network.clear()
    group.ledger.committed.clear()
    group.promote("C", "AB", forced=True)
    group.run(without="AB", ticks=1)
    group.run(ticks=3)
    needed = [message for to, message in group.sent if to == group.node("C").copy and isinstance(message, Need)]
    assert {message.after for message in needed} == {0}
    assert [group.events(name) for name in "ABC"] == [[1]] * 3
    assert [snapshot_on(group, name) for name in "ABC"] == [0, 0, 0]


def test_a_copy_that_the_last_events_are_under_way_to_gets_the_snapshot_behind_them() -> None:
    """The slowest copy of a busy shard has always acknowledged less than is committed."""
    group = led_by_a(events=2)
    for _ in range(3):
        group.append("A")
        group.run(without="C")
        save(group, "A")
    assert [message.lineage for message in sent_to(group, "C", Install)] == [((*E1, last),) for last in (3, 4, 5)]
    group.run()
    assert [snapshot_on(group, name) for name in "ABC"] == [5, 5, 5]
    assert group.events("C") == [1, 2, 3, 4, 5]
