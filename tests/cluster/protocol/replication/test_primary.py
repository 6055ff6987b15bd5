"""A primary that acts: what it commits, what ends it, and how its copies keep up."""

import pytest
from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.replication.effects import CaughtUp, Ended, Overdue, Refused, Send
from casty_cluster.protocol.replication.inputs import Append, AwaitCopies, Received
from casty_cluster.protocol.replication.member import ACK_TIMEOUT, Member
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.wire.replication import Acknowledge, Epoch, Rejected, Replicate

from tests.cluster.protocol.replication.group import Group, led_by_a


def test_an_event_is_committed_when_the_primary_and_enough_copies_have_it() -> None:
    group = led_by_a(events=0)
    group.append("A")
    group.run(without="BC")
    assert group.committed("A") == []
    group.run(without="C")
    assert group.committed("A") == [1]
    group.run()
    assert group.committed("A") == [1]
    assert group.events("A") == group.events("B") == group.events("C") == [1]


def test_copies_do_not_replace_the_primarys_own_disk() -> None:
    group = led_by_a(events=0)
    group.append("A")
    while group.network:
        group.do_deliver(0)
        for name in "BC":
            while group.node(name).queue:
                group.do_disk(group.node(name).index)
    assert group.committed("A") == []
    group.run()
    assert group.committed("A") == [1]


def test_one_copy_counts_once() -> None:
    """B12."""
    group = led_by_a(replicas=4, min_acks=2, events=0)
    group.append("A")
    group.run(without="CDE")
    reply = Received("B", Acknowledge(Epoch(1, 0), "e0", 1))
    group.give(group.node("A"), reply)
    assert group.committed("A") == []
    group.run(without="DE")
    assert group.committed("A") == [1]


@pytest.mark.parametrize(
    "reply",
    [Acknowledge(Epoch(9, 9), "e0", 1), Acknowledge(Epoch(1, 0), "e0", 0), Acknowledge(Epoch(1, 0), "other", 1)],
)
def test_an_acknowledgement_counts_for_its_epoch_entity_and_number(reply: Acknowledge) -> None:
    """B12."""
    group = led_by_a(events=0)
    group.append("A")
    group.run(without="BC")
    group.give(group.node("A"), Received("B", reply))
    assert group.committed("A") == []


def test_an_acknowledgement_of_a_copy_that_is_not_in_the_view_does_not_count() -> None:
    group = led_by_a(spares=1, events=0)
    group.append("A")
    group.run(without="BC")
    group.give(group.node("A"), Received("D", Acknowledge(Epoch(1, 0), "e0", 1)))
    assert group.committed("A") == []


def test_events_follow_each_other_while_none_is_committed() -> None:
    group = led_by_a(events=0)
    for _ in range(3):
        group.append("A")
    group.run()
    assert group.committed("A")[-1] == 3
    assert group.events("B") == [1, 2, 3]


def test_a_write_that_too_few_copies_store_in_time_is_overdue_and_committed_later() -> None:
    group = led_by_a(events=0)
    group.append("A")
    group.run(without="BC", ticks=9)
    assert group.of("A", Overdue) == [Overdue("e0", 1)]
    assert group.now >= ACK_TIMEOUT
    group.run()
    assert group.committed("A") == [1]


def test_events_that_were_lost_on_their_way_are_sent_again() -> None:
    group = led_by_a(events=0)
    group.append("A")
    group.append("A")
    group.network.clear()
    group.run(ticks=2)
    assert group.events("B") == group.events("C") == [1, 2]


def test_a_copy_that_was_away_for_long_is_caught_up_while_events_are_written() -> None:
    group = led_by_a()
    for _ in range(20):
        group.append("A")
        group.run(without="C")
    group.network.clear()
    group.append("A")
    for number in range(200):
        if number % 10 == 0:
            group.append("A")
            assert group.is_active("A")
        group.step(set())
        group.wake(group.ticking[0]) if group.ticking and not group.network else None
    group.run(ticks=3)
    assert group.events("C") == group.events("A")
    assert group.committed("A")[-1] == len(group.events("A"))


def test_nothing_is_due_when_all_copies_have_everything() -> None:
    group = led_by_a(events=3)
    member = group.node("A").member
    assert member is not None
    assert member.next_deadline() is None
    assert group.network == []
    assert group.ticking == []


def test_a_primary_ends_at_the_first_rejection() -> None:
    """W2, W3: it was paused, and wakes in the middle of its successor's writes."""
    group = led_by_a()
    group.promote("B")
    group.run(without="A")
    group.append("B")
    group.run(without="A")
    group.network.clear()
    group.append("A")
    committed = group.committed("A")
    group.run(ticks=5)
    assert [ended.promised for ended in group.of("A", Ended)] == [Epoch(2, 1)]
    assert group.committed("A") == committed
    assert not group.is_active("A")
    group.promote("B")
    group.run()
    assert group.events("A") == group.events("B") == [1, 2]


def test_a_primary_ends_with_its_own_copys_promise() -> None:
    group = led_by_a()
    group.promote("B")
    group.run(without="C")
    assert [ended.reason for ended in group.of("A", Ended)] == ["its own copy has promised a higher epoch"]
    assert group.is_active("B")


def test_a_primary_ends_when_its_disk_fails() -> None:
    group = led_by_a()
    group.append("A")
    group.do_fail(0)
    assert [ended.reason for ended in group.of("A", Ended)] == ["its disk has failed"]
    group.run()
    assert not group.is_active("A")
    group.promote("B")
    group.run()
    assert group.is_active("B")


def test_an_ended_primary_does_nothing_more() -> None:
    group = led_by_a()
    group.append("A")
    group.give(group.node("A"), Received("B", Rejected(Epoch(1, 0), Epoch(5, 5))))
    effects = len(group.of("A", Send))
    group.give(group.node("A"), Received("B", Rejected(Epoch(1, 0), Epoch(6, 5))))
    group.give(group.node("A"), Tick())
    group.give(group.node("A"), Received("B", Acknowledge(Epoch(1, 0), "e0", 2)))
    assert len(group.of("A", Send)) == effects
    assert len(group.of("A", Ended)) == 1
    assert group.committed("A") == [1]


def refusal(member: Member, after: int, *payloads: bytes) -> str:
    (effect,) = member.handle(Append("e0", after, payloads), 0.0)
    assert isinstance(effect, Refused)
    return effect.reason


def test_only_a_primary_takes_events() -> None:
    assert "not the primary" in refusal(Member("A", Contents(), 1), 0, b"x")
    group = Group()
    group.promote("A")
    member = group.node("A").member
    assert member is not None
    assert "not the primary" in refusal(member, 0, b"x")


@pytest.mark.parametrize(("after", "payloads"), [(0, (b"x",)), (2, (b"x",)), (1, ())])
def test_events_that_do_not_follow_the_last_one_are_refused(after: int, payloads: tuple[bytes, ...]) -> None:
    group = led_by_a()
    member = group.node("A").member
    assert member is not None
    assert f"after number {after}" in refusal(member, after, *payloads).replace("follow", "after")
    assert group.network == []
    group.append("A")
    assert sum(isinstance(message, Replicate) for _, _, message in group.network) == 2


def await_copies(group: Group, name: str) -> None:
    group.give(group.node(name), AwaitCopies())


@pytest.mark.parametrize(("replicas", "enough"), [(1, "B"), (2, "C"), (3, "B"), (3, "CD")])
def test_without_acknowledgements_the_others_have_caught_up_when_they_cannot_decide_without_the_last_event(
    replicas: int, enough: str
) -> None:
    group = led_by_a(replicas=replicas, min_acks=0)
    group.append("A")
    group.run(without="BCD"[:replicas])
    await_copies(group, "A")
    for name in enough:
        assert group.of("A", CaughtUp) == []
        group.run(without="BCD"[:replicas].replace(name, ""))
    assert len(group.of("A", CaughtUp)) == 1
    group.run()
    assert len(group.of("A", CaughtUp)) == 1, "once for each time that it is asked"
    await_copies(group, "A")
    assert len(group.of("A", CaughtUp)) == 2, "at once, as all is there"


def test_a_copy_that_is_not_compared_yet_has_not_caught_up() -> None:
    group = Group(replicas=1, min_acks=0)
    group.promote("A")
    group.run(without="B", ticks=1)
    await_copies(group, "A")
    assert group.of("A", CaughtUp) == []
    group.run(ticks=3)
    assert group.is_active("A")
    assert len(group.of("A", CaughtUp)) == 1


def test_with_acknowledgements_no_copy_is_awaited_and_without_a_primary_none_is() -> None:
    group = led_by_a()
    group.append("A")
    await_copies(group, "A")
    await_copies(group, "B")
    assert len(group.of("A", CaughtUp)) == len(group.of("B", CaughtUp)) == 1
    group.promote("B")
    group.run()
    await_copies(group, "A")
    assert len(group.of("A", CaughtUp)) == 2, "a primary that has ended"
