"""The tables of options in READMEs show the options that there are, with their defaults."""

import re
from dataclasses import fields
from enum import Enum
from typing import Any

import pytest
from casty_journal_postgres.options import PostgresOptions
from casty_journal_sqlite.options import SqliteOptions

from tests.architecture.source import ROOT

TABLES = {"casty-journal-postgres": PostgresOptions, "casty-journal-sqlite": SqliteOptions}
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \|", re.M)


def shown(value: Any) -> str:
    """A default as TOML writes it, without quotes."""
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("package", TABLES)
def test_a_readme_shows_the_defaults_of_its_options(package: str) -> None:
    readme = (ROOT / "packages" / package / "README.md").read_text()
    assert ROW.findall(readme) == [(field.name, shown(field.default)) for field in fields(TABLES[package])]
