"""The offset store that users make from a path."""

from contextlib import AbstractAsyncContextManager
from os import PathLike, fspath
from typing import TYPE_CHECKING, final

from casty.spi.offset_store import OpenOffsets

from casty_journal_sqlite.options import SqliteOptions, checked_path

if TYPE_CHECKING:
    import aiosqlite


@final
class SqliteOffsets:
    """Offsets of projections in the SQLite file that their rows are in, which is created on first use: a handler writes
    through its `aiosqlite.Connection`, and rows and offset are committed together.

    The file has to be another one than the journal's. It is put into WAL mode, so that it can be read while it is
    written. `busy_timeout` is how many seconds to wait while another connection writes to it. Raises `ConfigError`
    where `path` is no file.
    """

    def __init__(self, path: str | PathLike[str], *, busy_timeout: float = 5.0) -> None:
        self._path = checked_path(fspath(path))
        self._busy_timeout = SqliteOptions(busy_timeout=busy_timeout).busy_timeout

    def open(self) -> AbstractAsyncContextManager[OpenOffsets["aiosqlite.Connection"]]:
        """See `OffsetStore`. The driver is loaded here, so that a plugin that nobody uses costs nothing."""
        from casty_journal_sqlite.offset_table import open_offsets

        return open_offsets(self._path, self._busy_timeout)
