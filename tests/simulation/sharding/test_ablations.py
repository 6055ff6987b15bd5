"""What the shell of sharding does for the protocol is missed where it is switched off."""

import pytest

from tests.simulation.sharding.ablations import ABLATIONS, caught


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_missing_safeguard_is_noticed(name: str) -> None:
    _, scenario, first = ABLATIONS[name]
    assert caught(name, scenario, range(first, first + 3)) is not None
