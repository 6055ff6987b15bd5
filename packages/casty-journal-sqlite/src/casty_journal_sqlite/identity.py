"""Detects that the files of an open database are no longer those at its path.

A process keeps using an open file after it was deleted, renamed or replaced: SQLite would commit to a file that no
process can open again. So each commit checks the files before it is acknowledged.
"""

import os
from typing import Final, final

FILES: Final = ("", "-wal", "-shm")
"""The database, its log, which has the last commits, and the log's index, which another process would recreate."""

SMALLEST: Final = 512
"""Bytes of the smallest page: no database that was written to is smaller."""

CURE: Final = (
    "so nothing is acknowledged any more; stop this process, put the files back (the renamed ones, the -wal file "
    "included, or a backup), and start it again; copy or move a database only while it is closed"
)


@final
class OpenFiles:
    """The files of one open database in WAL mode."""

    __slots__ = ("_found", "_path")

    def __init__(self, path: str) -> None:
        """Call it after the database was read, which creates the other files."""
        self._path = path
        self._found = {suffix: _identity(os.stat(path + suffix)) for suffix in FILES}  # see `complaint`

    def complaint(self) -> str | None:
        """The error if a file is missing, was replaced or was truncated; None if all is well."""
        for suffix, found in self._found.items():
            file = self._path + suffix
            try:
                now = os.stat(file)  # for each commit: a path object would cost more than the call
            except OSError as error:
                return f"the file {file} was taken away while it was open ({error.strerror}), {CURE}"
            if _identity(now) != found:
                return f"the file {file} was replaced by another one while it was open, {CURE}"
            if not suffix and now.st_size < SMALLEST:
                return f"the file {file} was truncated to {now.st_size} bytes while it was open, {CURE}"
        return None


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
