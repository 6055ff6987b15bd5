"""The store passes everything that the conformance kit knows."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from casty.spi.journal import JournalStore
from casty.testing.conformance.journal import Check, checks
from casty_journal_postgres.options import CAPABILITIES, PostgresOptions
from casty_journal_postgres.store import open_store


@pytest.mark.parametrize("check", checks(CAPABILITIES))
async def test_conformance(check: Check, dsn: str, options: PostgresOptions) -> None:
    def open_at(*, read_only: bool = False) -> AbstractAsyncContextManager[JournalStore]:
        return open_store(dsn, replace(options, read_only=read_only))

    await check(open_at)
