"""A file for a journal, and the store in it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.store import SqliteStore, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SqliteStore]:
    async with open_store(str(path), SqliteOptions()) as opened:
        yield opened
