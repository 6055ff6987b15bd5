"""Offers the journal to Casty under the URL scheme `sqlite`."""

from contextlib import AbstractAsyncContextManager

from casty.plugins import JournalProvider, hookimpl
from casty.spi.journal import JournalStore

from casty_journal_sqlite.journal import open_file
from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions, path_from_url


@hookimpl
def casty_journals() -> list[JournalProvider[SqliteOptions]]:
    return [JournalProvider(names=("sqlite",), open=_open, capabilities=CAPABILITIES, options=SqliteOptions)]


def _open(url: str, options: SqliteOptions) -> AbstractAsyncContextManager[JournalStore]:
    return open_file(path_from_url(url), options)
