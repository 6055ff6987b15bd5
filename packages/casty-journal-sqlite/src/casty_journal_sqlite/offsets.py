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
    """Offsets of projections, in the SQLite file of their rows, which is created on first use: a handler writes
    through its `aiosqlite.Connection`, and rows and offset are committed together.

    The file must not be the journal's. It is put into WAL mode, so that it can be read while it is
    written. `busy_timeout` is the number of seconds to wait while another connection writes to it. Raises `ConfigError`
    if `path` is not a file.
    """

    def __init__(self, path: str | PathLike[str], *, busy_timeout: float = 5.0) -> None:
        self._path = checked_path(fspath(path))
        self._busy_timeout = SqliteOptions(busy_timeout=busy_timeout).busy_timeout

    def open(self) -> AbstractAsyncContextManager[OpenOffsets["aiosqlite.Connection"]]:
        """See `OffsetStore`. The driver is loaded here, so that an unused plugin costs nothing."""
        from casty_journal_sqlite.offset_table import open_offsets

        return open_offsets(self._path, self._busy_timeout)
