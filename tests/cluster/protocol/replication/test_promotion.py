"""How a copy becomes the primary: with whose promises, from which histories, and what an interruption leaves."""

import pytest
from casty_cluster.protocol.replication.effects import Activated, Ended, Send, Unavailable
from casty_cluster.protocol.replication.inputs import Promote
from casty_cluster.protocol.replication.promotion import PATIENCE, SILENCE
from casty_cluster.wire.replication import Epoch, Fetch, Prepare

from tests.cluster.protocol.replication.group import Group, led_by_a


def test_a_new_shard_starts_with_its_first_view() -> None:
    group = Group()
    group.promote("A")
    group.run()
    (activated,) = group.of("A", Activated)
    assert activated.view.copies == ("A", "B", "C")
    for node in group.nodes:
        assert node.disk.contents.view == activated.view
        assert node.disk.contents.confirmed == activated.view.epoch


@pytest.mark.parametrize("away", ["A", "C"])
def test_a_replica_takes_over_with_all_committed_events(away: str) -> None:
    group = led_by_a(events=3)
    group.promote("B")
    group.run(without=away)
    assert group.is_active("B")
    group.append("B")
    group.run(without=away)
    assert group.committed("B") == [4]
    group.run(ticks=2)
    assert [group.events(name) for name in "ABC"] == [[1, 2, 3, 4]] * 3


def test_events_that_the_new_primary_lacks_are_fetched_first() -> None:
    group = led_by_a(events=1)
    for _ in range(5):
        group.append("A")
        group.run(without="B")
    group.promote("B")
    group.run(without="A")
    assert group.is_active("B")
    assert group.events("B") == [1, 2, 3, 4, 5, 6]


def test_equal_histories_are_neither_sent_nor_compared() -> None:
    """However many there are: a message for each copy and stage is enough."""
    group = led_by_a(events=0)
    for entity in range(50):
        group.append("A", entity)
    group.run()
    before = len(group.of("B", Send))
    group.promote("B")
    group.run()
    assert group.is_active("B")
    assert len(group.of("B", Send)) - before == 2 * 4


def test_a_cut_off_primarys_longer_history_loses_to_an_acknowledged_one() -> None:
    """B11."""
    group = led_by_a(events=1)
    for _ in range(3):
        group.append("A")  # 2, 3 and 4 reach no other copy
    group.run(without="BC")
    group.network.clear()
    group.promote("B")
    group.run(without="A")
    group.append("B")  # 5
    group.run(without="A")
    group.network.clear()
    group.promote("A")
    group.run(without="B")
    assert group.events("A") == group.events("C") == [1, 5]


def test_an_event_that_a_confirmed_primary_has_not_found_never_comes_back() -> None:
    """A confirmation counts as an event of its epoch, or a primary that has written nothing would be forgotten."""
    group = led_by_a(events=0)
    group.append("A")
    group.run(without="BC")  # 1 is only on A
    group.network.clear()
    group.promote("B")
    group.run(without="A")  # B and C are confirmed without it
    group.append("B")
    group.run(without="AC")  # 2 is only on B
    group.network.clear()
    group.promote("C")
    group.run(without="B")
    assert group.events("A") == group.events("C") == []
    group.network.clear()
    group.promote("B")
    group.run(without="C")
    assert group.events("B") == []


def test_a_copy_that_was_away_follows_later() -> None:
    group = Group()
    group.promote("A")
    group.run(without="C")
    group.append("A")
    group.run(without="C")
    assert group.committed("A") == [1]
    group.network.clear()
    group.run(ticks=2)
    assert group.events("C") == [1]
    assert group.node("C").disk.contents.view == group.node("A").disk.contents.view


def test_too_few_promises_leave_the_shard_unavailable_and_say_why() -> None:
    group = led_by_a()
    group.promote("B")
    group.run(without="AC", ticks=7)
    assert not group.is_active("B")
    (report,) = group.of("B", Unavailable)
    assert report.epoch == Epoch(2, 1)
    assert report.reason.startswith("copies A, C have not promised it")
    assert "force_promote" in report.reason
    assert group.now >= PATIENCE
    group.run()
    assert group.is_active("B")


def test_a_changed_reason_is_reported_again() -> None:
    group = led_by_a(replicas=2, min_acks=2)
    group.promote("B")
    group.run(without="AC", ticks=6)
    group.run(without="A", ticks=6)
    assert [report.reason[:25] for report in group.of("B", Unavailable)] == [
        "copies A, C have not prom",
        "2 copies have all events,",
    ]


def test_an_operator_can_go_on_with_what_is_left() -> None:
    group = led_by_a(events=2, spares=2)
    for name in "AC":
        group.wipe(name)
    group.promote("B", "DE", forced=True)
    group.run(without="AC", ticks=1)
    (activated,) = group.of("B", Activated)
    assert activated.view.forced == (Epoch(2, 1),)
    assert group.events("D") == group.events("E") == [1, 2]
    group.promote("D", "BE")
    group.run()
    (later,) = group.of("D", Activated)
    assert later.view.forced == (Epoch(2, 1),), "the history says so for ever"


def test_an_order_to_accept_a_loss_loses_nothing_that_is_within_reach() -> None:
    group = led_by_a(events=1)
    group.append("A")
    group.run(without="B")  # 2 is on C as well
    group.wipe("A")
    group.network.clear()
    group.promote("B", forced=True)
    group.run(without="AC")
    assert not group.is_active("B"), "C may still reply"
    group.run(without="A", ticks=3)
    assert group.is_active("B")
    assert group.events("B") == [1, 2]


def test_without_acknowledgements_a_primary_that_is_there_is_waited_for() -> None:
    """It may be the only copy that has what it acknowledged."""
    group = led_by_a(replicas=1, min_acks=0)
    group.append("A")
    group.run(without="B")
    group.network.clear()
    group.promote("B")
    group.run(without="A")
    assert not group.is_active("B")
    group.run()
    assert group.is_active("B")
    assert group.events("B") == [1, 2]


def test_without_acknowledgements_a_primary_that_is_gone_is_not_waited_for() -> None:
    group = led_by_a(replicas=1, min_acks=0)
    group.promote("B", "")
    group.run(without="A")
    began = group.now
    group.run(without="A", ticks=1)
    assert group.is_active("B")
    assert group.now - began <= SILENCE


def test_a_wiped_copy_is_replaced_by_an_empty_one_and_caught_up() -> None:
    group = led_by_a(events=5)
    group.wipe("C")
    group.promote("A", "BC")
    group.run(without="C")
    assert group.is_active("A"), "writes do not wait for the empty copy"
    group.append("A")
    group.run(without="C")
    assert group.committed("A")[-1] == 6
    group.run(ticks=3)
    assert group.events("C") == group.events("A")
    assert len(group.events("C")) == 6


def test_an_empty_copy_does_not_take_over_before_it_is_caught_up() -> None:
    group = led_by_a(events=5)
    group.wipe("C")
    group.promote("A", "BC")
    group.run(without="C")
    group.promote("C")
    group.run(without="AB", ticks=7)
    assert not group.is_active("C")
    group.run(without="A", ticks=3)
    assert group.is_active("C")
    assert len(group.events("C")) == 5


def test_a_view_of_other_copies_needs_promises_of_those_that_have_the_shard() -> None:
    group = led_by_a(spares=2)
    group.promote("D", "BE")
    group.run(without="AC", ticks=7)
    assert not group.is_active("D")
    group.run(without="A", ticks=2)
    assert group.is_active("D")
    assert group.events("D") == group.events("E") == [1]


def test_the_primary_of_a_view_that_was_replaced_meets_it() -> None:
    group = led_by_a(spares=2)
    group.promote("D", "BE")
    group.run(without="A", ticks=2)
    group.append("D")
    group.run(without="A", ticks=2)
    group.network.clear()
    group.promote("A", "BC")
    group.run(without="D", ticks=3)
    assert group.is_active("A")
    assert group.events("A") == group.events("B") == [1, 2]


def test_a_view_that_few_copies_know_is_not_continued_without_the_group_before_it() -> None:
    """Found by the exploration: C and D continued a view that A and B did not know, and so A and B continued theirs."""
    group = led_by_a(spares=1)
    group.promote("D", "CB")
    while "D" not in group.confirmed_in(Epoch(2, 3)):
        assert group.step({"B"})
    group.run(without="AB")  # sealed by C and D, of which A and B know nothing
    assert group.node("A").disk.contents.view != group.node("C").disk.contents.view
    group.network.clear()
    group.promote("C", "AD")
    group.run(without="AB", ticks=7)
    assert not group.is_active("C")
    assert "A, B have not promised" in group.of("C", Unavailable)[-1].reason
    group.network.clear()
    group.do_promote(1, (0, 2), is_outdated=True)
    group.run(without="CD")
    assert group.is_active("B")
    group.append("B")
    group.run(without="CD")
    group.promote("C", "BD")
    group.run(ticks=3)
    assert group.is_active("C")
    assert group.events("C") == [1, 2]


def test_the_group_before_a_view_is_not_needed_when_it_has_taken_over() -> None:
    group = led_by_a(spares=3)
    group.promote("D", "EF")
    group.run(ticks=2)
    for node in group.nodes[3:]:
        assert node.disk.contents.view is not None
        assert node.disk.contents.view.former == ()
    group.promote("E", "DF")
    group.run(without="ABCF")
    assert group.is_active("E")


def test_a_grant_that_comes_twice_changes_nothing() -> None:
    """R3: also in a later life of the node."""
    group = led_by_a()
    group.do_grant(0)
    assert group.is_active("A")
    group.crash("A")
    group.restart("A")
    group.do_grant(0)
    group.run()
    assert not group.is_active("A")
    assert len(group.of("A", Activated)) == 1


def test_a_grant_for_another_copy_changes_nothing() -> None:
    group = led_by_a()
    given = Promote(epoch=Epoch(9, 9), copies=("B", "A", "C"), min_acks=1, previous=None)
    group.give(group.node("A"), given)
    assert group.is_active("A")
    assert group.network == []


def test_a_second_promotion_of_the_same_node_continues_what_it_has_written() -> None:
    group = led_by_a()
    group.append("A")
    group.run(without="BC")
    group.promote("A")
    assert [ended.reason for ended in group.of("A", Ended)] == ["it is promoted again"]
    group.run()
    assert [group.events(name) for name in "ABC"] == [[1, 2]] * 3


def test_copies_are_asked_until_they_reply() -> None:
    group = Group()
    group.promote("A")
    for _ in range(3):
        group.network.clear()
        group.wake(group.node("A"))
    assert sum(isinstance(send.message, Prepare) for send in group.of("A", Send)) == 2 * 4
    group.run()
    assert group.is_active("A")


STEPS = 45


@pytest.mark.parametrize("ended", ["B", "C", "A"])
@pytest.mark.parametrize("wiped", [False, True])
def test_a_promotion_that_is_interrupted_anywhere_loses_nothing(ended: str, wiped: bool) -> None:
    """D1: after each step in turn, one side ends, and another promotion follows. The ledger notices what is lost."""
    lengths = set[int]()
    for steps in range(STEPS):
        group = led_by_a(events=2, spares=1)
        group.append("A")
        group.run(without="B")  # B lacks an event that is committed
        group.promote("B", "CD")
        lengths.add(sum(group.step({"A"}) for _ in range(steps)))
        group.do_wipe(group.node(ended).index) if wiped else group.crash(ended)
        group.network[:] = group.network[: steps % 3]  # some of what was under way is lost with it
        group.promote("C" if ended != "C" else "A", "BD")
        group.run(without=ended, ticks=3)
        primary = "C" if ended != "C" else "A"
        assert group.is_active(primary), f"after {steps} steps"
        assert group.events(primary) == [1, 2, 3], f"after {steps} steps"
    assert max(lengths) < STEPS - 1, "the last of them interrupt nothing: the promotion was over"


def test_a_copy_that_dies_with_events_that_only_it_has_can_be_left_behind() -> None:
    group = led_by_a()
    group.append("A")
    group.run(without="BC")  # 2 is only on A
    group.network.clear()
    group.promote("B")
    while not any(isinstance(message, Fetch) for _, _, message in group.network):
        assert group.step({"C"})
    group.crash("A")
    group.network.clear()
    group.run(without="C", ticks=7)
    assert not group.is_active("B")
    assert "do not send them" in group.of("B", Unavailable)[-1].reason
    group.promote("B")
    group.run(ticks=2)
    assert group.is_active("B")
    assert group.events("B") == [1]


def test_without_acknowledgements_a_primary_is_alone() -> None:
    """min_acks=0: what the docs say about it. A majority still decides which view is next."""
    group = led_by_a(min_acks=0)
    group.append("A")
    group.run(without="BC")
    assert group.committed("A") == [1, 2]
    group.network.clear()
    group.promote("B")
    group.run(without="AC", ticks=7)
    assert not group.is_active("B")
    group.run(without="A", ticks=1)
    assert group.is_active("B")
    assert group.events("B") == [1], "event 2 was committed, and is lost with A"
