"""The test that docs/simulation.md shows is run as it stands there."""

import importlib
import re
from pathlib import Path

import pytest

from tests.examples.programs import ROOT

SEEDS = 2


def test_the_guides_own_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "simulation.md").read_text(), re.DOTALL)
    assert shown is not None
    (tmp_path / "tickets_of_the_guide.py").write_text(shown[1])
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    monkeypatch.setenv("CASTY_SIM_SEEDS", str(SEEDS))
    importlib.import_module("tickets_of_the_guide").test_no_ticket_is_sold_twice()
