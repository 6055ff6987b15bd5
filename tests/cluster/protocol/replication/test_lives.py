"""An old disk that is put back under its name is found out by the start that others know of."""

import pytest
from casty_cluster.protocol.replication.effects import Outdated
from casty_cluster.protocol.replication.lives import CONFLICT, NEVER, Life, Lives
from casty_cluster.wire.replication import Epoch, KnownLives, Prepare

from tests.cluster.protocol.replication.group import Group, led_by_a


@pytest.mark.parametrize(
    ("life", "outdated"),
    [(Life(1, 9), True), (Life(2, 8), True), (Life(2, 9), False), (Life(3, 1), False), (NEVER, True)],
)
def test_a_start_before_the_last_one_is_outdated(life: Life, outdated: bool) -> None:
    """Also one of the same number, with another token."""
    assert Lives((("A", 2, 9),)).is_outdated("A", life) == outdated


def test_nothing_is_known_of_other_copies() -> None:
    assert not Lives((("A", 2, 9),)).is_outdated("B", Life(1, 1))
    assert Lives()["A"] == NEVER


@pytest.mark.parametrize("known", [(("A", 1, 4), ("A", 2, 5)), (("A", 2, 5), ("A", 1, 4))])
def test_the_last_start_is_kept_in_any_order(known: KnownLives) -> None:
    lives = Lives(known)
    assert lives.known == (("A", 2, 5),)
    assert not lives.add((("A", 1, 4), ("A", 2, 5)))
    assert lives.add((("A", 3, 1),))


def test_two_disks_that_claim_one_start_are_both_outdated() -> None:
    lives = Lives((("A", 2, 5), ("A", 2, 6)))
    assert lives["A"] == Life(2, CONFLICT)
    assert all(lives.is_outdated("A", Life(2, token)) for token in (5, 6))
    assert not lives.is_outdated("A", Life(3, 7))


def backed_up() -> Group:
    """B has a backup from before its second start, which A and C know of, as the primary is promoted since."""
    group = led_by_a(events=1)
    group.crash("B")
    group.restart("B")
    group.promote("A")
    group.run()
    group.append("A")
    group.run(without="C")
    assert group.committed("A")[-1] == 2
    return group


def test_the_promise_of_an_old_disk_does_not_count() -> None:
    """With the disk of A out of reach, B has promised to forget no acknowledged event, and has forgotten one."""
    group = backed_up()
    group.do_restore(group.node("B").index)
    old = group.node("B").copy
    group.promote("C")
    group.run(without="A", ticks=5)
    assert not group.is_active("C")
    (outdated,) = group.of("B", Outdated)
    assert "before its start number 2, which copy C knows of; this is start number 2" in outdated.reason
    assert group.node("B").copy != old, "an empty copy has taken its place"
    group.run(ticks=5)
    assert group.is_active("C")
    assert group.events("C") == [1, 2]


def test_an_old_disk_does_not_lead() -> None:
    group = backed_up()
    group.do_restore(group.node("B").index)
    group.promote("B")
    group.run(without="A", ticks=5)
    assert not group.is_active("B")
    assert len(group.of("B", Outdated)) == 1


def test_a_restart_alone_is_nothing_old() -> None:
    group = backed_up()
    for _ in range(3):
        group.crash("B")
        group.restart("B")
        group.promote("B")
        group.run(without="A")
        assert group.is_active("B")
    assert group.of("B", Outdated) == []


def test_a_start_is_counted_before_anything_else_is_stored() -> None:
    group = led_by_a(events=1)
    group.crash("C")
    group.restart("C")
    group.append("A")
    group.run()
    starts = [change for change in group.stored_on("C") if "Lives" in type(change).__name__]
    assert (group.node("C").copy, 2, 1) in starts[-1].known
    assert group.node("C").starts == 2


def test_a_late_message_that_names_an_earlier_start_changes_nothing() -> None:
    group = backed_up()
    group.network.append(("A", "B", Prepare(Epoch(1, 0), (("B", 1, 0),))))
    group.run()
    assert group.of("B", Outdated) == []
    assert group.events("B") == [1, 2]


def test_a_start_that_is_not_stored_yet_is_named_to_no_other_copy() -> None:
    """Else the next start, which gets its number, would be taken for that of an old disk, with all its events."""
    group = led_by_a(events=1)
    group.crash("B")
    group.restart("B")
    group.append("A")
    replicate = next(index for index, (_, to, _) in enumerate(group.network) if to == "B")
    group.do_deliver(replicate)
    group.promote("B")
    group.run(without="B")
    while group.network:
        group.do_deliver(0)
    group.do_fail(group.node("B").index)
    group.promote("C")
    group.run(ticks=5)
    assert group.is_active("C")
    assert group.of("B", Outdated) == []
