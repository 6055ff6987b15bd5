"""The connections to the server: some append, others do everything else. A lost connection is replaced, and its
operation is retried.

So every operation must be repeatable: a connection may be lost after the server has committed.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from random import uniform
from typing import Any, Final, final

import asyncpg
from casty.errors import JournalClosedError, JournalError, JournalUnavailableError

from casty_journal_postgres.breaker import CircuitBreaker
from casty_journal_postgres.failures import explained, passes, with_cure
from casty_journal_postgres.options import APPENDING, PostgresOptions

FIRST_PAUSE: Final = 0.05
"""Seconds before the second attempt; each further one waits twice as long."""
LONGEST_PAUSE: Final = 1.0

GRACE: Final = 0.1
"""The share of the command timeout reserved for the server to acknowledge a cancelled statement."""

type Connection = Any

_driver: Any = asyncpg
"""What it makes, it does not describe to a type checker."""

type Work[T] = Callable[[Connection], Awaitable[T]]


@final
class Connections:
    """Two pools, and the circuit breaker of their server."""

    __slots__ = (
        "_answered",
        "_appending",
        "_breaker",
        "_closed",
        "_error",
        "_name",
        "_others",
        "_read_only",
        "_server",
        "_timeout",
    )

    def __init__(self, dsn: str, name: str, options: PostgresOptions, on_new: Callable[[], None]) -> None:
        """`name` stands for the DSN in messages. `on_new` is called for each new appending connection; all appending
        connections that are used from then on lead to the same server.
        """
        self._name = name
        self._timeout = options.command_timeout
        self._read_only = options.read_only
        self._breaker = CircuitBreaker()
        self._answered = asyncio.Event()
        self._error: Exception | None = None
        self._closed = False
        self._server: object = None
        """The server of the newest appending connection, identified by its start time."""

        async def prepare(connection: Connection) -> None:
            await _prepare(connection)
            server = await connection.fetchval("SELECT pg_postmaster_start_time()")
            if self._server not in (None, server):
                # Connections to the previous server are no longer used, even if that server keeps running.
                await self._appending.expire_connections()
            self._server = server
            on_new()

        self._appending: Any = _pool(dsn, options, APPENDING, prepare)
        self._others: Any = _pool(dsn, options, options.pool_size, _prepare)

    async def append[T](self, work: Work[T]) -> T:
        """Return the result of `work` over an appending connection. Raises `JournalError` like `run`."""
        return await self._run(self._appending, "write to", work)

    async def run[T](self, attempt: str, work: Work[T], *, patient: bool = False) -> T:
        """Return the result of `work` over one of the other connections.

        Raises `JournalError`, "cannot `attempt` the journal", at the latest after the command timeout; then `work` may
        or may not have taken effect. While the circuit breaker is open it fails immediately, or waits if `patient`.
        """
        return await self._run(self._others, attempt, work, patient=patient)

    async def open(self) -> None:
        """Prepare the pools; they connect on first use."""
        await self._appending
        await self._others

    async def close(self) -> None:
        """Let running operations finish, within the command timeout, and close."""
        self._closed = True
        for pool in (self._appending, self._others):
            try:
                async with asyncio.timeout(self._timeout):
                    await pool.close()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pool.terminate()

    async def _run[T](self, pool: Any, attempt: str, work: Work[T], *, patient: bool = False) -> T:
        try:
            async with asyncio.timeout(self._timeout * (1 - GRACE)):
                return await self._persevere(pool, attempt, work, patient=patient)
        except TimeoutError as error:
            self._breaker.failed(asyncio.get_running_loop().time())
            await pool.expire_connections()
            raise JournalUnavailableError(
                f"cannot {attempt} the PostgreSQL journal {self._name}: it was not done within {self._timeout:g} s; "
                f"{self._hint()}check the network and the server, or raise command_timeout"
            ) from (self._error or error)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise explained(self._name, attempt, error) from error

    async def _persevere[T](self, pool: Any, attempt: str, work: Work[T], *, patient: bool) -> T:
        clock = asyncio.get_running_loop().time
        for tries in count():
            if self._closed:
                raise JournalClosedError(f"cannot {attempt} the PostgreSQL journal {self._name}: it is closed")
            while (wait := self._breaker.refusal(clock())) is not None:
                if not patient:
                    raise self._refusal(attempt, wait) from self._error
                await self._turn(wait)
            try:
                async with _lent(pool, self._timeout * GRACE) as connection:
                    result = await work(connection)
            except Exception as error:
                if not passes(error) or (self._read_only and isinstance(error, asyncpg.ReadOnlySQLTransactionError)):
                    self._succeeded()
                    raise
                self._error = error
                self._breaker.failed(clock())
                await asyncio.sleep(min(FIRST_PAUSE * 2**tries, LONGEST_PAUSE) * uniform(0.5, 1.0))
            else:
                self._succeeded()
                self._error = None
                return result
        raise AssertionError("there is always another try")

    async def _turn(self, wait: float) -> None:
        """Wait until the server has responded to any caller, at most `wait` seconds: then one of them has to try."""
        self._answered.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._answered.wait()

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self._answered.set()

    def _refusal(self, attempt: str, wait: float) -> JournalError:
        return JournalUnavailableError(
            f"cannot {attempt} the PostgreSQL journal {self._name}: its server has failed {self._breaker.failures} "
            f"times in a row; {self._hint()}the circuit breaker is open and lets the next try through in {wait:.1f} s"
        )

    def _hint(self) -> str:
        return f"the last error was: {with_cure(self._error)}; " if self._error else ""


def _pool(dsn: str, options: PostgresOptions, size: int, prepare: Work[None]) -> Any:
    return _driver.create_pool(
        dsn,
        connect=partial(_connect, options.command_timeout * GRACE),
        min_size=0,
        max_size=size,
        init=prepare,
        reset=_keep,
        timeout=options.command_timeout,
        server_settings={
            "application_name": "casty",
            # Ends abandoned statements on the server as well.
            "statement_timeout": str(max(1, round(options.command_timeout * 1000))),
            # Each statement must see what was committed before it, whatever the role's default is.
            "default_transaction_isolation": "read committed",
            **({"default_transaction_read_only": "on"} if options.read_only else {}),
        },
    )


async def _connect(grace: float, *args: Any, **options: Any) -> Connection:
    """Connect. A cancelled attempt has `grace` seconds to end by itself: if it is interrupted between TCP and TLS,
    asyncpg leaves a future behind whose error the event loop reports when it is collected.
    """
    attempt: asyncio.Future[Connection] = asyncio.ensure_future(_driver.connect(*args, **options))
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([attempt], timeout=grace)
        finally:
            attempt.cancel()
        if attempt.done() and not attempt.cancelled() and attempt.exception() is None:
            attempt.result().terminate()
        raise


async def _prepare(connection: Connection) -> None:
    """Make commits durable even if the settings of the server, the database or the role say otherwise."""
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


async def _keep(connection: Connection) -> None:
    """Do not reset a connection that returns to its pool: asyncpg's reset would cost another statement each time."""


@asynccontextmanager
async def _lent(pool: Any, grace: float) -> AsyncGenerator[Connection]:
    connection = await pool.acquire()
    try:
        yield connection
    except Exception as error:
        if passes(error):
            # Neither it nor the idle connections of the pool are used again: those are probably lost as well.
            await pool.expire_connections()
        raise
    finally:
        # A connection with a cancelled statement returns when the server has acknowledged that, or is closed.
        with suppress(TimeoutError):
            await pool.release(connection, timeout=grace)
