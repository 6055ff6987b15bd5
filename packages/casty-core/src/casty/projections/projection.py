"""A projection as users see it; what it does is in `projector`, when it does it in `following`."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final, Self, cast, final

from casty import entropy
from casty.behaviors.supervision import Backoff
from casty.callables import is_async, named, takes
from casty.clock import Clock
from casty.errors import ConfigError, ProjectionError
from casty.persistence.journal import checked_tags, ordered, readable_in_order
from casty.projections.following import Follower
from casty.projections.offsets import InMemoryOffsets
from casty.projections.projector import Handler, Projector, Reset
from casty.projections.values import Lag, OnError, Slice
from casty.quantities import checked_seconds
from casty.spi.event_journal import EventJournal
from casty.spi.offset_store import OffsetStore

logger = logging.getLogger("casty")

PATIENCE: Final = 5.0
"""Seconds that a cancelled handler may take to end."""


@final
class Projection[E, C]:
    """Calls `await handler(connection, envelope)` with each event of a journal, in the journal's order, from where the
    projection `name` stopped the last time.

    With an `offset_store` that has a connection, such as `SqliteOffsets` or `PostgresOffsets`, what the handler writes
    through it is committed together with the offset: each event counts once, whatever crashes. Other stores are
    at-least-once. Without one, it begins at the first event whenever it is made, as a read model in memory needs it.

    With `tags`, only events with at least one of them. With `part=Slice(number, count)`, only the events of that slice:
    each slice is a projection of its own, with its own offset. `reset(connection)` makes the read model empty: it is
    called before the first event, to make the tables, and by `rebuild`. `on_error` says what becomes of an event that
    cannot be handled. A transaction has up to `batch_size` events. At the journal's end it looks for new ones every
    `poll_interval` seconds, and at once when they are written through the same journal object. After a failure it waits
    by `backoff`. `clock` is for tests.

    `async with` runs it beside the program, `await run()` as the program, `await run_once()` up to the journal's end.
    Raises `JournalError` for a journal that cannot be read in order.
    """

    def __init__(
        self,
        name: str,
        journal: EventJournal,
        handler: Handler[E, C],
        offset_store: OffsetStore[C] | None = None,
        *,
        tags: Sequence[str] = (),
        part: Slice | None = None,
        reset: Reset[C] | None = None,
        on_error: OnError = OnError.retry,
        batch_size: int = 100,
        poll_interval: float = 1.0,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check(name, batch_size, poll_interval)
        self._part = _checked_slice(part)
        self.name = name = name if part is None else part.name_of(name)
        _check_function("handler", handler, "(connection, envelope)", 2)
        if reset is not None:
            _check_function("reset", reset, "(connection)", 1)
        self._journal = readable_in_order(journal)
        self._handler = handler
        # A handler without a store of its own gets None for its connection.
        self._offset_store = cast(OffsetStore[C], InMemoryOffsets()) if offset_store is None else offset_store
        self._tags = checked_tags(tags)
        self._reset = reset
        self._follower = Follower(
            name,
            on_error=on_error,
            batch_size=batch_size,
            poll_interval=poll_interval,
            backoff=backoff or Backoff(),
            clock=clock,
        )
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Follow the journal until cancelled. Outages of the journal and of the offset store are waited out.

        Raises `ProjectionError` where it cannot continue: for an event that its handler cannot handle, with
        `OnError.stop`, and for an offset beyond the journal's end, as after the journal was restored from a backup.
        """
        self._follower.begin()
        try:
            await self._follower.follow(self._projector)
        finally:
            self._follower.end()

    async def run_once(self) -> int:
        """Handle everything up to the journal's end, and return how many events those were.

        Raises `ProjectionError` at the first event that cannot be handled, unless `on_error` skips it, and what the
        journal and the offset store raise.
        """
        async with self._projector() as projector:
            return await self._follower.run_once(projector)

    async def caught_up(self, timeout: float = 60.0) -> None:
        """Wait until a running projection has handled every event that is in the journal now.

        Raises `TimeoutError` after that many seconds, and `ProjectionError` if it is not running, or stops.
        """
        timeout = checked_seconds(timeout, "timeout of caught_up")
        async with self._journal.lease() as opened:
            highest = await ordered(opened).highest_offset()
        await self._follower.caught_up(highest, timeout)

    async def lag(self) -> Lag:
        """How far the committed offset is behind the journal; from any process, running or not."""
        async with self._journal.lease() as opened, self._offset_store.open() as offsets:
            store = ordered(opened)
            offset = await offsets.offset(self.name)
            waiting = await store.read(offset, 1, self._tags)
            if not waiting:
                return Lag(0, 0.0)
            behind = await store.highest_offset() - offset
        return Lag(behind, max(0.0, entropy.source().wall_time() - waiting[0].record.timestamp))

    async def rebuild(self) -> None:
        """Restart at the first event: in one transaction, `reset` empties the read model and the offset becomes 0.

        The next run of the projection, in this process or another, continues there. Raises `ProjectionError` without a
        `reset`: everything would be counted twice.
        """
        if self._reset is None:
            raise ProjectionError(
                f"the projection {self.name!r} cannot be rebuilt: it has no reset=, which empties its read model first"
            )
        async with self._offset_store.open() as offsets, offsets.transaction(self.name) as transaction:
            await self._reset(transaction.connection)
            await transaction.advance(0)
        self._follower.wake()

    async def __aenter__(self) -> Self:
        self._follower.begin()
        following = self._follower.follow(self._projector)
        self._task = asyncio.create_task(following, name=f"casty-projection-{self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop after the statement that is running, and roll back the transaction it belongs to. Raises what has
        stopped the projection before.
        """
        task, self._task = cast("asyncio.Task[None]", self._task), None
        task.cancel()
        await asyncio.wait((task,), timeout=PATIENCE)
        self._follower.end()
        if not task.done():
            logger.error(
                "the projection %r was stopped %g s ago, and its handler %s still runs; it is left behind, with its "
                "transaction open: a handler must end when it is cancelled",
                self.name,
                PATIENCE,
                named(self._handler),
            )
        elif error is None and not task.cancelled():
            task.result()

    @asynccontextmanager
    async def _projector(self) -> AsyncGenerator[Projector[E, C]]:
        async with self._journal.lease() as opened, self._offset_store.open() as offsets:
            projector = Projector(self.name, self._handler, self._tags, opened, offsets, self._part)
            if self._reset is not None:
                await projector.prepare(self._reset)
            with opened.writer.watched(self._follower.wake):
                yield projector


def _check_function(argument: str, function: object, parameters: str, count: int) -> None:
    if is_async(function) is False or not takes(function, count):
        raise ConfigError(
            f"the {argument} of a projection must be a function written 'async def {argument}{parameters}'; it is "
            f"{named(function)}"
        )


def _checked_slice(part: Slice | None) -> Slice | None:
    if not isinstance(cast("object", part), Slice | None):
        raise ConfigError(f"the part of a projection is Slice(number, count), from casty.projections; it is {part!r}")
    return part


def _check(name: str, batch_size: int, poll_interval: float) -> None:
    if not isinstance(cast("object", name), str) or not name or "\0" in name:
        raise ConfigError(f"a projection needs a name, without NUL; it is {name!r}")
    if batch_size < 1:
        raise ConfigError(f"batch_size must be 1 event or more; it is {batch_size}")
    if not poll_interval > 0:
        raise ConfigError(f"poll_interval must be more than 0 seconds; it is {poll_interval}")
