"""The store passes everything that the conformance kit knows."""

import pytest
from casty.testing.conformance.journal import Check, checks
from casty_journal_postgres.options import CAPABILITIES, PostgresOptions
from casty_journal_postgres.store import open_store


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check, dsn: str, options: PostgresOptions) -> None:
    await check(lambda: open_store(dsn, options))
