"""Which history is continued, and when the promises suffice."""

from dataclasses import replace

from casty_cluster.protocol.replication.decision import Choice
from casty_cluster.protocol.replication.promises import Promises, founding
from casty_cluster.wire.replication import BEFORE, START, Epoch, Group, Position, Promised, View, to_positions

E1, E2, E3, E4 = (Epoch(counter, 7) for counter in (1, 2, 3, 4))
OLD = View(epoch=E1, copies=("A", "B", "C"), min_acks=1)
FOUNDERS = ("A", "B", "C")
NEW = View(epoch=E4, copies=("B", "C", "D"), min_acks=1)


def promises(local: str = "B", previous: View | None = OLD, *, forced: bool = False) -> Promises:
    return Promises(local, NEW, previous or founding(FOUNDERS), (), forced=forced)


def report(
    *positions: tuple[str, Position], confirmed: Epoch = E1, view: View | None = OLD, part: int = 0, parts: int = 1
) -> Promised:
    return Promised(epoch=E4, view=view, confirmed=confirmed, positions=to_positions(positions), part=part, parts=parts)


def decided(made: Promises) -> dict[str, Choice]:
    decision = made.decide()
    while not decision.step(1):
        pass
    return decision.choices


def test_promises_of_the_view_that_is_left_are_needed() -> None:
    made = promises()
    made.add("B", report())
    made.add("D", report(view=None, confirmed=BEFORE))
    assert not made.suffice
    made.add("C", report())
    assert made.suffice


def test_the_primarys_own_promise_is_needed() -> None:
    made = promises("D")
    made.add("A", report())
    made.add("C", report())
    assert not made.suffice
    made.add("D", report(view=None))
    assert made.suffice


def test_a_newer_view_that_a_copy_reports_is_asked_in_turn() -> None:
    newer = View(epoch=E3, copies=("C", "E", "F"), min_acks=1)
    made = promises()
    made.add("B", report())
    made.add("C", report(view=newer))
    assert made.newest == newer
    assert not made.suffice
    made.add("E", report(view=newer))
    assert made.suffice


def test_groups_that_may_not_know_the_newest_view_are_asked_as_well() -> None:
    newer = View(epoch=E3, copies=("C", "E", "F"), min_acks=1, former=(OLD.group,))
    made = promises()
    for copy in ("B", "E"):
        made.add(copy, report(view=newer))
    assert made.leaves == (OLD.group, newer.group)
    assert not made.suffice
    made.add("C", report())
    assert made.suffice


def test_one_copy_that_knows_that_a_view_has_taken_over_is_enough() -> None:
    newer = View(epoch=E3, copies=("B", "E", "F"), min_acks=1, former=(OLD.group,))
    made = promises()
    made.add("B", report(view=newer))
    made.add("E", report(view=replace(newer, former=())))
    assert made.leaves == (newer.group,)
    assert made.suffice


def test_an_older_view_that_a_copy_reports_is_no_matter() -> None:
    made = promises(previous=View(epoch=E3, copies=("B", "C"), min_acks=1))
    made.add("B", report(view=OLD))
    assert made.newest.epoch == E3


def test_the_first_view_needs_a_majority_of_the_founders() -> None:
    made = promises(previous=None)
    made.add("B", report(view=None))
    assert made.leaves == (Group(FOUNDERS, 0),)
    assert not made.suffice
    made.add("D", report(view=None))
    assert not made.suffice, "not one of them"
    made.add("A", report(view=None))
    assert made.suffice


def test_the_later_epoch_wins_over_the_longer_history() -> None:
    """B11: a primary that was cut off may have written more than its successor, which has acknowledged."""
    made = promises()
    made.add("B", report(("x", Position(E1, 9))))
    made.add("C", report(("x", Position(E2, 3))))
    assert decided(made) == {"x": Choice(Position(E2, 3), "C")}


def test_of_one_epoch_the_longer_history_wins() -> None:
    made = promises()
    made.add("B", report(("x", Position(E2, 3))))
    made.add("C", report(("x", Position(E2, 4))))
    assert decided(made) == {"x": Choice(Position(E2, 4), "C")}


def test_a_confirmed_copy_wins_with_an_older_event() -> None:
    """A primary that was confirmed and has written nothing since: what it has shown may not vanish."""
    made = promises()
    made.add("B", report(("x", Position(E1, 2)), confirmed=E3))
    made.add("C", report(("x", Position(E2, 5))))
    assert decided(made) == {"x": Choice(Position(E1, 2), "B")}


def test_an_entity_that_a_confirmed_copy_does_not_have_is_empty() -> None:
    made = promises()
    made.add("B", report(confirmed=E3))
    made.add("C", report(("x", Position(E2, 5))))
    assert decided(made) == {"x": Choice(START, "B")}


def test_equal_histories_are_taken_from_the_local_copy() -> None:
    made = promises()
    for copy in ("A", "B", "C"):
        made.add(copy, report(("x", Position(E2, 5))))
    assert decided(made)["x"].source == "B"


def test_copies_of_other_views_have_no_voice_but_their_entities_are_known() -> None:
    made = promises()
    made.add("D", report(("x", Position(E3, 5)), confirmed=E3, view=None))
    made.add("B", report())
    made.add("C", report())
    assert decided(made) == {"x": Choice(START, "B")}


def test_a_report_counts_when_all_of_its_parts_are_there() -> None:
    made = promises()
    assert not made.add("B", report(("x", Position(E1, 1)), part=1, parts=2))
    assert not made.add("B", report(("x", Position(E1, 1)), part=1, parts=2)), "the same part again"
    assert "B" not in made
    assert made.add("B", report(("a", Position(E1, 1)), parts=2))
    assert "B" in made
    assert not made.add("B", report(("a", Position(E1, 1)), parts=2)), "it was complete"
    assert made.take_positions("B").keys() == {"a", "x"}


def test_an_operator_can_decide_with_any_promise() -> None:
    made = promises("D", forced=True)
    made.add("D", report(("x", Position(E1, 1)), view=None))
    assert made.suffice
    made.add("A", report(("x", Position(E1, 2))))
    assert decided(made) == {"x": Choice(Position(E1, 2), "A")}


def test_a_view_that_is_reported_after_the_decision_is_no_matter() -> None:
    made = promises()
    made.add("B", report())
    made.add("C", report())
    decided(made)
    made.add("A", report(view=View(epoch=E3, copies=("A", "E", "F"), min_acks=1)))
    assert made.newest == OLD


def test_the_losses_that_a_stored_view_names_are_not_forgotten_for_a_view_that_was_passed_on_without_them() -> None:
    made = promises(previous=OLD)
    made.add("B", report(view=replace(OLD, forced=(E1,))))
    assert made.newest.forced == (E1,)
