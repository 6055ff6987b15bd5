"""What the shell of sharding does for the protocol is missed where it is switched off."""

import pytest

from tests.simulation.sharding.ablations import ABLATIONS, caught

SEARCHED = 30
"""Seeds: any change of the turns of the event loop gives each seed another schedule."""


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_missing_safeguard_is_noticed(name: str) -> None:
    _, scenario, first = ABLATIONS[name]
    assert caught(name, scenario, range(first, first + SEARCHED)) is not None
