"""The table of offsets in a SQLite file that belongs to the users of projections."""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Final, final

import aiosqlite
from casty.errors import OffsetStoreError

from casty_journal_sqlite.connections import enter_connection, enter_wal
from casty_journal_sqlite.failures import with_cure
from casty_journal_sqlite.identity import OpenFiles
from casty_journal_sqlite.schema import APPLICATION_ID

CREATE: Final = """
CREATE TABLE IF NOT EXISTS casty_offsets (projection TEXT PRIMARY KEY, reached INTEGER NOT NULL) WITHOUT ROWID
"""

OFFSET: Final = "SELECT reached FROM casty_offsets WHERE projection = ?"

ADVANCE: Final = "INSERT OR REPLACE INTO casty_offsets VALUES (?, ?)"


@asynccontextmanager
async def open_offsets(path: str, busy_timeout: float) -> AsyncGenerator["SqliteOffsetTable"]:
    """The offsets in the file `path`. Raises `OffsetStoreError` if they cannot be opened."""

    def connect() -> sqlite3.Connection:
        # The projection begins and ends transactions: this connection ignores commit() and rollback() of a handler.
        return sqlite3.connect(path, timeout=busy_timeout, autocommit=True)

    async with AsyncExitStack() as closing:
        with explained(path, "open"):
            connection = await enter_connection(closing, connect)
            ((application,),) = await connection.execute_fetchall("PRAGMA application_id")
            if application == APPLICATION_ID:
                raise OffsetStoreError(
                    f"the SQLite file {path} is a Casty journal; let projections write to a file of their own, as one "
                    "writer would wait for the other"
                )
            await enter_wal(connection, busy_timeout)
            await connection.execute_fetchall(CREATE)
            files = OpenFiles(path)
        yield SqliteOffsetTable(path, connection, files)


@final
class SqliteOffsetTable:
    """The offsets over one connection. A transaction holds the write lock of the whole file."""

    def __init__(self, path: str, connection: aiosqlite.Connection, files: OpenFiles) -> None:
        self._path = path
        self._files = files
        self._connection = connection

    async def offset(self, name: str) -> int:
        with explained(self._path, "read"):
            for (reached,) in await self._connection.execute_fetchall(OFFSET, (name,)):
                return reached
        return 0

    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator["Transaction"]:
        try:
            with explained(self._path, "write to"):
                await self._connection.execute_fetchall("BEGIN IMMEDIATE")
            yield Transaction(self._path, self._connection, name, await self.offset(name))
            with explained(self._path, "write to"):
                await self._connection.execute_fetchall("COMMIT")
            if (complaint := self._files.complaint()) is not None:
                raise OffsetStoreError(f"the offsets in the SQLite file {self._path} are gone: {complaint}")
        except BaseException:
            # There may be nothing to roll back: SQLite has done so already, or a commit was cancelled too late.
            with suppress(sqlite3.Error, ValueError):
                await self._connection.execute_fetchall("ROLLBACK")
            raise


@final
class Transaction:
    """A running transaction of the projection `name`."""

    def __init__(self, path: str, connection: aiosqlite.Connection, name: str, offset: int) -> None:
        self.offset = offset
        self.connection = connection
        self._path = path
        self._name = name

    async def advance(self, offset: int) -> None:
        with explained(self._path, "write to"):
            await self.connection.execute_fetchall(ADVANCE, (self._name, offset))


@contextmanager
def explained(path: str, attempt: str) -> Generator[None]:
    """Turn SQLite's errors into `OffsetStoreError`s that name the file, what was attempted, and the cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise OffsetStoreError(f"cannot {attempt} the offsets in the SQLite file {path}: {with_cure(error)}") from error
    except OSError as error:
        raise OffsetStoreError(f"cannot {attempt} the offsets in the SQLite file {path}: {error}") from error
    except ValueError as error:
        # aiosqlite's own way to say that the connection is closed.
        raise OffsetStoreError(f"cannot {attempt} the offsets in the SQLite file {path}: {error}") from error
