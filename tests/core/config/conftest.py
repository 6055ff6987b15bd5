"""Fixtures of the configuration's tests."""

import os

import pytest


@pytest.fixture
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of ours, whatever the shell that runs the tests has set."""
    for variable in os.environ:
        if variable.startswith("CASTY_"):
            monkeypatch.delenv(variable)
