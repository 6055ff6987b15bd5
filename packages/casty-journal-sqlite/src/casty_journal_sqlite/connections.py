"""The connections to a journal file: one writes, one reads. The kind of the file is checked first."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Thread
from typing import Any, Final, final, override
from urllib.parse import quote

import aiosqlite
from casty.errors import JournalError, JournalSchemaError

from casty_journal_sqlite.failures import NOT_A_JOURNAL
from casty_journal_sqlite.options import SqliteOptions
from casty_journal_sqlite.ownership import take_ownership
from casty_journal_sqlite.schema import APPLICATION_ID, MIGRATIONS, OLDEST_SQLITE, VERSION

BUSY_PAUSE: Final = 0.005
"""Seconds between two attempts to switch a busy file to a write-ahead log."""


@final
class TransactionalConnection(sqlite3.Connection):
    """A connection whose `executemany` is a transaction, so that it is one call to aiosqlite's thread like
    any statement.
    """

    @override
    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        self.execute("BEGIN IMMEDIATE")
        with self:
            return super().executemany(sql, parameters)


async def enter_connection(stack: AsyncExitStack, connect: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    """A connection that is open until the stack is closed. Raises `sqlite3.Error` if `connect` does.

    Its thread does not keep a process alive that ended without closing it. aiosqlite has no setting for that, but a
    thread is daemonic if the thread that started it is. Nothing can get lost: acknowledged events are committed, and
    an unfinished commit is rolled back when the file is opened next.
    """
    made: list[aiosqlite.Connection] = []
    failures: list[sqlite3.Error] = []

    def try_to_connect() -> sqlite3.Connection:
        try:
            return connect()
        except sqlite3.Error as error:
            # aiosqlite does not wait for the thread of a connection that fails to open. So that it can be closed like
            # any other, it gets an empty database instead.
            failures.append(error)
            return sqlite3.connect(":memory:")

    maker = Thread(
        target=lambda: made.append(aiosqlite.Connection(try_to_connect, iter_chunk_size=64)),
        name="casty-journal-sqlite-connect",
        daemon=True,
    )
    maker.start()
    maker.join()
    connection = await stack.enter_async_context(made[0])
    if failures:
        raise failures[0]
    return connection


def _connect(path: str, options: SqliteOptions) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(path)}?mode={'ro' if options.read_only else 'rwc'}",
        uri=True,
        timeout=options.busy_timeout,
        isolation_level=None,
        factory=TransactionalConnection,
    )


async def enter_writing(stack: AsyncExitStack, path: str, options: SqliteOptions) -> aiosqlite.Connection:
    """A connection that owns the file and has created or migrated the tables.

    Raises `JournalSchemaError` for a file that is not a journal, or that a newer version has written, and
    `JournalError` for one that another process owns.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise JournalError(f"a SQLite journal needs SQLite {oldest} or newer; this is {sqlite3.sqlite_version}")
    async with AsyncExitStack() as closing:
        connection = await enter_connection(closing, lambda: _connect(path, options))
        # Before the file is owned: no lock file is created next to a foreign file.
        await _check_kind(path, connection, to_write=True)
        stack.callback(take_ownership(path))
        # After the file is owned: what is left to write is written before it is given back.
        await stack.enter_async_context(closing.pop_all())
    await enter_wal(connection, options.busy_timeout)
    await connection.execute_fetchall(f"PRAGMA synchronous = {options.synchronous.value}")
    await _bring_up_to_date(connection)
    return connection


async def enter_reading(stack: AsyncExitStack, path: str, options: SqliteOptions) -> aiosqlite.Connection:
    """A connection to an existing journal that never writes, and so never waits for a writer."""
    if options.read_only:
        _expect_file(path)
    connection = await enter_connection(stack, lambda: _connect(path, options))
    if options.read_only:
        await _check_kind(path, connection, to_write=False)
    await connection.execute_fetchall("PRAGMA query_only = ON")
    return connection


async def enter_wal(connection: aiosqlite.Connection, patience: float) -> None:
    """Wait here while another process does the same to a new file: SQLite's own busy timeout does not cover this."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            await connection.execute_fetchall("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > deadline:
                raise
            await asyncio.sleep(BUSY_PAUSE)
        else:
            return


async def _bring_up_to_date(connection: aiosqlite.Connection) -> None:
    """Create or migrate the tables in one transaction: a killed process leaves the file unchanged. Another store of
    this process may do the same, so the version is read under the write lock.
    """
    if await _version(connection) == VERSION:
        return
    await connection.execute_fetchall("BEGIN IMMEDIATE")
    try:
        version = await _version(connection)
        for reached, script in MIGRATIONS.items():
            if version < reached:
                await _run(connection, script)
                await connection.execute_fetchall(f"PRAGMA user_version = {reached}")
        await connection.execute_fetchall("COMMIT")
    except BaseException:
        await connection.rollback()
        raise


async def _version(connection: aiosqlite.Connection) -> int:
    ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
    return version


async def _run(connection: aiosqlite.Connection, script: str) -> None:
    """Execute one statement after the other; `executescript` would commit the open transaction."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):  # a trigger contains semicolons
            await connection.execute_fetchall(statement)
            statement = ""


def _expect_file(path: str) -> None:
    if not Path(path).exists():
        raise JournalError(f"there is no SQLite journal {path} to read; name another, or open it without read_only")


async def _check_kind(path: str, connection: aiosqlite.Connection, *, to_write: bool) -> None:
    """Raises `JournalSchemaError` for a file that is not a journal, or that a writer could not make one."""
    ((application, version, tables),) = await connection.execute_fetchall(
        "SELECT (SELECT application_id FROM pragma_application_id), "
        "(SELECT user_version FROM pragma_user_version), "
        "(SELECT count(*) FROM sqlite_master)"
    )
    is_new = (application, version, tables) == (0, 0, 0)
    is_older = application == APPLICATION_ID and 0 < version < VERSION
    if (application, version) == (APPLICATION_ID, VERSION) or (to_write and (is_new or is_older)):
        return
    if is_older:
        raise JournalSchemaError(
            f"the SQLite journal {path} has schema version {version}, and {VERSION} is what is read; "
            "open it once without read_only, which brings it up to date"
        )
    if application == APPLICATION_ID and version > VERSION:
        raise JournalSchemaError(
            f"the SQLite journal {path} has schema version {version}; this casty-journal-sqlite knows only "
            f"{VERSION}; install a newer one: pip install -U casty-journal-sqlite"
        )
    raise JournalSchemaError(f"the SQLite file {path} {NOT_A_JOURNAL}")
