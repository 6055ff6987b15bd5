"""The journal in a file passes everything."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from casty.spi.journal import JournalStore
from casty.testing.conformance.journal import Check, checks
from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions
from casty_journal_sqlite.store import open_store


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check, tmp_path: Path) -> None:
    def open_at(*, read_only: bool = False) -> AbstractAsyncContextManager[JournalStore]:
        return open_store(str(tmp_path / "events.db"), SqliteOptions(read_only=read_only))

    await check(open_at)
