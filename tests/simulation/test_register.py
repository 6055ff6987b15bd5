"""A planted bug in a small protocol is found, explained and seen again by its seed."""

import pytest
from casty.testing.simulation import simulate, simulate_seeds

from tests.simulation.register import careful, hasty

SEEDS = 100


def test_a_right_protocol_passes() -> None:
    written = [run.result for run in simulate_seeds(careful, SEEDS)]
    assert sum(written) > len(written)


@pytest.mark.usefixtures("own_seeds")
def test_the_planted_bug_is_found_shown_and_seen_again() -> None:
    with pytest.raises(AssertionError, match="was acknowledged") as caught:
        simulate_seeds(hasty, SEEDS)
    report, again = caught.value.__notes__
    seed = int(report.split()[1].rstrip(","))
    assert f"CASTY_SIM_SEED={seed} pytest" in report
    assert "primary  is killed" in report
    assert again == "Run again at once, the seed went the same way"
    with pytest.raises(AssertionError) as replayed:
        simulate(hasty, seed)
    assert replayed.value.__notes__[0] == report


@pytest.mark.usefixtures("own_seeds")
def test_a_seed_from_the_environment_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError) as caught:
        simulate_seeds(hasty, SEEDS)
    seed = caught.value.__notes__[0].split()[1].rstrip(",")
    monkeypatch.setenv("CASTY_SIM_SEED", seed)
    with pytest.raises(AssertionError) as replayed:
        simulate_seeds(hasty, 1)
    assert replayed.value.__notes__[0] == caught.value.__notes__[0]
