"""Every test here chooses its seeds itself, whatever CASTY_SIM_SEEDS says."""

import pytest


@pytest.fixture(autouse=True)
def own_seeds_everywhere(own_seeds: None) -> None:
    """These tests are about the choice of seeds itself."""
