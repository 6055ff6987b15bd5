"""Which copies decide: any of them meet each other, and all that is stored."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from casty_cluster.protocol.replication.quorum import decides, stores
from casty_cluster.wire.replication import Group

SIZES = [(replicas, min_acks) for replicas in range(6) for min_acks in range(replicas + 1)]


def group(replicas: int, min_acks: int) -> Group:
    return Group(tuple("ABCDEFGH"[: replicas + 1]), min_acks)


def subsets(of: Group) -> Iterator[set[str]]:
    for size in range(len(of.copies) + 1):
        yield from map(set, combinations(of.copies, size))


@pytest.mark.parametrize(("replicas", "min_acks"), SIZES)
def test_copies_that_decide_meet_each_other(replicas: int, min_acks: int) -> None:
    """Or two primaries could each replace the view."""
    deciding = [copies for copies in subsets(group(replicas, min_acks)) if decides(group(replicas, min_acks), copies)]
    assert deciding
    assert all(one & other for one in deciding for other in deciding)


@pytest.mark.parametrize(("replicas", "min_acks"), [size for size in SIZES if size[1]])
def test_copies_that_decide_meet_all_that_is_stored(replicas: int, min_acks: int) -> None:
    of = group(replicas, min_acks)
    deciding = [copies for copies in subsets(of) if decides(of, copies)]
    storing = [copies for copies in subsets(of) if stores(of, copies)]
    assert min(map(len, storing)) == 1 + min_acks
    assert all(one & other for one in deciding for other in storing)


@pytest.mark.parametrize(
    ("replicas", "min_acks", "needed"),
    [(0, 0, 1), (1, 1, 1), (2, 1, 2), (2, 2, 2), (3, 1, 3), (3, 2, 2), (4, 1, 4), (4, 2, 3), (4, 4, 3), (2, 0, 2)],
)
def test_how_many_replicas_decide_without_the_primary(replicas: int, min_acks: int, needed: int) -> None:
    """The table of docs/decisions/0030-replication.md."""
    of = group(replicas, min_acks)
    others = of.copies[1:] or of.copies
    assert next(count for count in range(len(others) + 1) if decides(of, others[:count])) == needed


def test_of_an_even_number_half_decide_only_with_the_first_replica() -> None:
    assert decides(group(1, 1), {"B"})
    assert not decides(group(1, 1), {"A"})
    assert not decides(group(3, 3), {"A", "C"})
    assert decides(group(3, 3), {"A", "B"})


def test_copies_of_other_views_do_not_count() -> None:
    assert not decides(group(2, 1), {"A", "X", "Y"})
    assert not stores(group(2, 1), {"A", "X", "Y"})
