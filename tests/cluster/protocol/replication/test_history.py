"""The epochs of an entity's events."""

import pytest
from casty_cluster.protocol.replication.history import History, end_of
from casty_cluster.wire.replication import START, Epoch, Lineage, Position

E1, E2, E3, E4 = (Epoch(counter, 7) for counter in (1, 2, 3, 4))


@pytest.fixture
def history() -> History:
    """Events 1 and 2 are of the first epoch, 3 of the second one, 4 and 5 of the fourth one."""
    history = History()
    for epoch in (E1, E1, E2, E4, E4):
        history.append(epoch)
        history.validate()
    return history


def test_an_empty_history_ends_at_the_start() -> None:
    history = History()
    assert history.position == START
    assert history.has(START)
    assert not history.has(Position(E1, 1))
    assert history.before(E1) == history.shared(Position(E1, 9)) == 0


def test_each_event_has_the_epoch_that_it_was_written_at(history: History) -> None:
    assert [history.at(number).epoch for number in range(1, 6)] == [E1, E1, E2, E4, E4]
    assert history.at(0) == START
    assert history.position == Position(E4, 5)


def test_an_event_is_there_only_at_its_epoch(history: History) -> None:
    assert history.has(Position(E2, 3))
    assert not history.has(Position(E3, 3))
    assert not history.has(Position(E4, 6))


def test_the_events_before_an_epoch(history: History) -> None:
    assert [history.before(epoch) for epoch in (E1, E2, E3, E4, Epoch(5, 0))] == [0, 2, 3, 3, 5]


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        (Position(E4, 4), 4),
        (Position(E4, 9), 5),
        (Position(E3, 9), 3),
        (Position(E1, 5), 2),
        (Position(E1, 1), 1),
        (START, 0),
    ],
)
def test_what_two_histories_may_share(history: History, other: Position, shared: int) -> None:
    assert history.shared(other) == shared


@pytest.mark.parametrize("last", range(7))
def test_a_cut_history_goes_on_at_another_epoch(history: History, last: int) -> None:
    kept = [history.at(number) for number in range(1, min(last, 5) + 1)]
    history.cut(last)
    history.validate()
    history.append(Epoch(9, 9))
    history.validate()
    assert [history.at(number) for number in range(1, history.last)] == kept
    assert history.position == Position(Epoch(9, 9), len(kept) + 1)


def test_epochs_that_fall_are_noticed(history: History) -> None:
    history.append(E3)
    with pytest.raises(AssertionError, match="epochs fall"):
        history.validate()


@pytest.mark.parametrize("last", range(1, 6))
def test_a_lineage_makes_the_same_history(history: History, last: int) -> None:
    other = History()
    other.install(history.lineage(last))
    other.validate()
    assert [other.at(number) for number in range(last + 1)] == [history.at(number) for number in range(last + 1)]
    assert (other.last, other.snapshot) == (last, last)
    assert end_of(history.lineage(last)) == history.at(last)


def test_a_snapshot_of_events_that_are_there_keeps_those_behind_them(history: History) -> None:
    history.install(history.lineage(3))
    history.validate()
    assert (history.last, history.snapshot, history.position) == (5, 3, Position(E4, 5))
    history.cut(3)
    assert (history.last, history.snapshot) == (3, 3)
    history.cut(0)
    history.validate()
    assert (history.last, history.snapshot, history.position) == (0, 0, START)


@pytest.mark.parametrize("lineage", [((1, 7, 2), (3, 7, 3)), ((3, 7, 1),), ((1, 7, 9),)])
def test_a_snapshot_of_other_events_replaces_all(history: History, lineage: Lineage) -> None:
    history.install(lineage)
    history.validate()
    assert history.position == end_of(lineage)
    assert history.lineage(history.last) == lineage


def test_a_snapshot_behind_the_last_event_is_noticed(history: History) -> None:
    history.snapshot = 6
    with pytest.raises(AssertionError, match="snapshot"):
        history.validate()
