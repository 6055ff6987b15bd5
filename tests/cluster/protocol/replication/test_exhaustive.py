"""All that can happen within a few steps. `python -m tests.cluster.protocol.replication.exhaustive 600` goes deeper."""

import pytest

from tests.cluster.protocol.replication.ablations import ABLATIONS
from tests.cluster.protocol.replication.exhaustive import SCOPES, Search, fingerprint
from tests.cluster.protocol.replication.group import Group

DEPTHS = {"rounds r2": 2, "rounds r1": 1, "rounds r2 groups": 1, "fine r1": 4, "fine r2": 4}


@pytest.mark.parametrize("name", SCOPES)
def test_no_invariant_breaks(name: str) -> None:
    search = Search(SCOPES[name]).run(DEPTHS[name])
    assert search.is_complete
    assert search.applied > 100


@pytest.mark.parametrize("clause", ["enough_promises", "completion"])
def test_a_missing_clause_is_noticed(clause: str) -> None:
    with ABLATIONS[clause][0](), pytest.raises(AssertionError, match=r"R\d: .*\nafter \("):
        Search(SCOPES["rounds r2"]).run(4)


def test_states_that_differ_only_in_times_and_numbers_of_epochs_are_one() -> None:
    states: list[Group] = []
    for counter in (0, 7):
        states.append(Group())
        states[-1].now, states[-1].counter = 1.5 * counter, counter
        states[-1].promote("A")
        states[-1].run()
    assert fingerprint(states[0]) == fingerprint(states[1])
    states[1].append("A")
    assert fingerprint(states[0]) != fingerprint(states[1])
