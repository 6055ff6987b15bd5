"""Translates SQLite's errors for a journal, with their cures."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from casty.errors import JournalClosedError, JournalError, JournalSchemaError, JournalUnavailableError

NOT_A_JOURNAL: Final = "is not a Casty journal; name another file, or move this one away and a new journal is made"

_CURES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full, or the file at its limit; make room (nothing of this was stored)",
    sqlite3.SQLITE_READONLY: "give this process write access to the file and to its directory, or open it to write",
    sqlite3.SQLITE_CANTOPEN: "create its directory, name a file in it, and give this process access to both",
    sqlite3.SQLITE_CORRUPT: "restore a backup, or save what can be read with: sqlite3 FILE .recover",
    sqlite3.SQLITE_BUSY: "another process has locked it; raise busy_timeout, or find that process",
    sqlite3.SQLITE_IOERR: "check the disk, its free space, and the limit on the size of files",
}

_AWAY: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR)
"""Errors that may pass without intervention, and fail every command until then."""


@contextmanager
def explained(path: str, attempt: str) -> Generator[None]:
    """Turn SQLite's errors into `JournalError`s that name the file, what was attempted, and the cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explanation(path, attempt, error) from error
    except UnicodeError as error:
        raise JournalError(
            f"cannot {attempt} the SQLite journal {path}: a text in it is not Unicode: {error}"
        ) from error
    except OSError as error:
        raise JournalError(
            f"cannot {attempt} the SQLite journal {path}: {error}; {_CURES[sqlite3.SQLITE_READONLY]}"
        ) from error
    except ValueError as error:
        # aiosqlite's own way to say that the connection is closed.
        raise JournalClosedError(f"cannot {attempt} the SQLite journal {path}: {error}") from error


def _explanation(path: str, attempt: str, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return JournalSchemaError(f"the file {path} {NOT_A_JOURNAL}")
    kind = JournalUnavailableError if code in _AWAY else JournalError
    return kind(f"cannot {attempt} the SQLite journal {path}: {with_cure(error)}")


def with_cure(error: sqlite3.Error) -> str:
    """The error, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return f"{error}; {_CURES.get(code, 'this is unexpected; the cause tells more')}"
