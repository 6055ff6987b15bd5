"""When events count as stored."""

from itertools import pairwise

import pytest
from casty_cluster.protocol.replication.commits import Commits
from casty_cluster.protocol.replication.effects import Committed, Overdue

TIMEOUT = 5.0


def opened(min_acks: int, *writes: int) -> Commits:
    commits = Commits(min_acks, TIMEOUT)
    for after, last in pairwise((0, *writes)):
        commits.add("x", after, last, 0.0)
    return commits


@pytest.mark.parametrize(
    ("min_acks", "local", "others", "committed"),
    [
        (1, 2, [2, 0], [Committed("x", 2)]),
        (1, 0, [2, 2], []),
        (1, 2, [0, 0], []),
        (1, 2, [], []),
        (2, 2, [2, 0], []),
        (2, 2, [2, 2], [Committed("x", 2)]),
        (2, 2, [9, 1], []),
        (0, 2, [], [Committed("x", 2)]),
        (0, 0, [2, 2], []),
    ],
)
def test_the_local_disk_and_enough_others(
    min_acks: int, local: int, others: list[int], committed: list[object]
) -> None:
    commits = opened(min_acks, 2)
    commits.stored("x", local)
    assert commits.count("x", others) == committed
    commits.validate()
    assert commits.is_empty == bool(committed)


def test_a_write_is_committed_as_a_whole() -> None:
    commits = opened(1, 2, 5, 6)
    commits.stored("x", 6)
    assert commits.count("x", [4]) == [Committed("x", 2)]
    assert commits.count("x", [4]) == []
    assert commits.count("x", [6]) == [Committed("x", 6)]


def test_what_is_committed_is_known_while_more_is_open() -> None:
    commits = Commits(0, TIMEOUT)
    assert commits.committed("x", 4) == 4
    commits.add("x", 4, 6, 0.0)
    commits.add("x", 6, 7, 0.0)
    assert commits.committed("x", 7) == 4
    commits.stored("x", 6)
    commits.count("x", [])
    assert commits.committed("x", 7) == 6
    commits.stored("x", 7)
    commits.count("x", [])
    assert commits.committed("x", 7) == 7


def test_a_late_reply_of_the_local_disk_takes_nothing_back() -> None:
    commits = opened(1, 2)
    commits.stored("x", 2)
    commits.stored("x", 1)
    assert commits.count("x", [2]) == [Committed("x", 2)]


def test_each_write_that_takes_too_long_is_named_once() -> None:
    commits = opened(1, 1)
    commits.add("x", 1, 2, 1.0)
    assert commits.next_deadline() == TIMEOUT
    assert list(commits.expire(TIMEOUT)) == [Overdue("x", 1)]
    assert list(commits.expire(TIMEOUT)) == []
    assert list(commits.expire(TIMEOUT + 1)) == [Overdue("x", 2)]
    assert commits.next_deadline() is None


def test_a_write_that_was_overdue_is_committed_later() -> None:
    """B12: its asker has got an error, and the outcome was unknown."""
    commits = opened(1, 1)
    list(commits.expire(TIMEOUT))
    commits.stored("x", 1)
    assert commits.count("x", [1]) == [Committed("x", 1)]
    commits.validate()


def test_a_committed_write_is_never_overdue() -> None:
    commits = opened(0, 1)
    commits.stored("x", 1)
    commits.count("x", [])
    assert list(commits.expire(99.0)) == []
