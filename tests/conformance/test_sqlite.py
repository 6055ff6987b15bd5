"""The journal in a file passes everything."""

from pathlib import Path

import pytest
from casty.testing.conformance.journal import Check, checks
from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions
from casty_journal_sqlite.store import open_store


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check, tmp_path: Path) -> None:
    await check(lambda: open_store(str(tmp_path / "events.db"), SqliteOptions()))
