"""The journal that users make from a path."""

from contextlib import AbstractAsyncContextManager
from os import PathLike, fspath
from typing import final

from casty.journal import StoreJournal
from casty.spi.journal import JournalStore
from casty.spi.serializer import Serializer

from casty_journal_sqlite.options import CAPABILITIES, SqliteOptions, Synchronous, checked_path


@final
class SqliteJournal(StoreJournal):
    """Events in one SQLite file, which is created on first use.

    `synchronous` "FULL" survives a power cut, "NORMAL" is faster and survives `kill -9` only; `busy_timeout`
    is the number of seconds to wait while another connection writes to the file. One process owns a file at a time:
    others may open it with `read_only`. Raises `ConfigError` if `path` is not a file.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        synchronous: Synchronous | str = Synchronous.FULL,
        busy_timeout: float = 3.0,
        read_only: bool = False,
        serializer: Serializer | None = None,
    ) -> None:
        file = checked_path(fspath(path))
        options = SqliteOptions(synchronous=Synchronous.of(synchronous), busy_timeout=busy_timeout, read_only=read_only)
        super().__init__(lambda: open_file(file, options), capabilities=CAPABILITIES, serializer=serializer)


def open_file(path: str, options: SqliteOptions) -> AbstractAsyncContextManager[JournalStore]:
    """The store in the file `path`. The driver is loaded here, so that an unused plugin costs nothing."""
    from casty_journal_sqlite.store import open_store

    return open_store(path, options)
