"""The journals that structures are kept in."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from casty import InMemoryJournal

JOURNALS: Final = ["none", "memory", "sqlite"]


@pytest.fixture(params=JOURNALS)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    made: dict[str, Callable[[], object]] = {
        "none": lambda: None,
        "memory": InMemoryJournal,
        "sqlite": lambda: f"sqlite:///{tmp_path}/events.db",
    }
    return made[request.param]()
