"""Casty's downing strategies pass everything."""

import pytest
from casty.testing.conformance.downing import Check, DowningPromises, checks
from casty_cluster.protocol.downing import (
    DownAll,
    KeepMajority,
    KeepMajorityOptions,
    KeepOldest,
    KeepOldestOptions,
    LeaseMajority,
    LeaseMajorityOptions,
    StaticQuorum,
    StaticQuorumOptions,
)

SURVIVES = DowningPromises()
MAY_DIE = DowningPromises(survives_crashes=False)


@pytest.mark.parametrize("check", checks(SURVIVES))
def test_keep_majority(check: Check) -> None:
    check(lambda: KeepMajority(KeepMajorityOptions()))


@pytest.mark.parametrize("check", checks(SURVIVES))
def test_static_quorum(check: Check) -> None:
    check(lambda: StaticQuorum(StaticQuorumOptions(quorum_size=3)))


@pytest.mark.parametrize("quorum_size", [1, 2, 4])
@pytest.mark.parametrize("check", checks(MAY_DIE))
def test_static_quorum_of_a_size_that_does_not_fit(check: Check, quorum_size: int) -> None:
    check(lambda: StaticQuorum(StaticQuorumOptions(quorum_size=quorum_size)))


@pytest.mark.parametrize("check", checks(SURVIVES))
def test_keep_oldest(check: Check) -> None:
    check(lambda: KeepOldest(KeepOldestOptions()))


@pytest.mark.parametrize("check", checks(MAY_DIE))
def test_keep_oldest_even_if_alone(check: Check) -> None:
    check(lambda: KeepOldest(KeepOldestOptions(down_if_alone=False)))


@pytest.mark.parametrize("check", checks(MAY_DIE))
def test_down_all(check: Check) -> None:
    check(DownAll)


@pytest.mark.parametrize("check", checks(SURVIVES))
def test_lease(check: Check) -> None:
    check(lambda: LeaseMajority(LeaseMajorityOptions(url="memory://")))
