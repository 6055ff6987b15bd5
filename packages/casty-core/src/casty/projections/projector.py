"""One step of a projection: the next events, what the handler makes of them, and the new offset, in one transaction.

Nothing is remembered between two steps. Each begins with the stored offset, and its transaction looks again, so that of
two projectors that have read the same events only one handles them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from types import CoroutineType
from typing import final

from casty.callables import named
from casty.errors import ProjectionError
from casty.interruption import interrupts
from casty.persistence.journal import OpenJournal, enveloped, ordered
from casty.persistence.turns import Turns
from casty.projections.values import Slice
from casty.spi.event_journal import EventEnvelope
from casty.spi.journal import OrderedEvent
from casty.spi.offset_store import OffsetTransaction, OpenOffsets

type Handler[E, C] = Callable[[C, EventEnvelope[E]], Awaitable[object]]
"""Called with each event, one after the other, and with the connection of the offset store: what is written through it
is committed together with the offset, or not at all. Must not end the transaction itself.
"""

type Reset[C] = Callable[[C], Awaitable[object]]
"""Makes the read model empty, also where it already is, or is not there yet."""


@dataclass(frozen=True, slots=True)
class Handled:
    """These events are handled, and the offset is committed."""

    offset: int
    events: int


@dataclass(frozen=True, slots=True)
class AtEnd:
    """There was nothing to handle."""

    offset: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An event could not be handled; `after` is the offset of the one that was handled before it."""

    after: int
    entry: OrderedEvent
    error: BaseException


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Another projector has moved the offset meanwhile, so nothing was handled."""

    expected: int
    found: int


type Outcome = Handled | AtEnd | Failed | Overtaken


@final
class Projector[E, C]:
    """Steps of the projection `name`, from an open journal, by way of open offsets."""

    def __init__(
        self,
        name: str,
        handler: Handler[E, C],
        tags: Sequence[str],
        journal: OpenJournal,
        offsets: OpenOffsets[C],
        part: Slice | None = None,
    ) -> None:
        self._name = name
        self._handler = handler
        self._tags = tags
        self._part = part
        self._store = ordered(journal)
        self._serializers = journal.serializers
        self._offsets = offsets

    async def prepare(self, reset: Reset[C]) -> None:
        """Before the first event, let `reset` make the tables."""
        if await self._offsets.offset(self._name) == 0:
            async with self._offsets.transaction(self._name) as transaction:
                if transaction.offset == 0:
                    await reset(transaction.connection)

    async def step(self, limit: int) -> Outcome:
        """Handle the next events, `limit` of them at most.

        Raises `ProjectionError` for an offset that the journal has never come to, and what the journal and the offset
        store raise.
        """
        offset = await self._offsets.offset(self._name)
        page = await self._store.read(offset, limit, self._tags)
        if not page:
            await self._check_end(offset)
            return AtEnd(offset)
        mine = page if self._part is None else [entry for entry in page if self._part.has(entry.record.entity_id)]
        failed: Failed | None = None
        try:
            async with self._offsets.transaction(self._name) as transaction:
                if transaction.offset != offset:
                    return Overtaken(offset, transaction.offset)
                failed = await self._handle(mine, page[-1].offset, transaction)
        except _RolledBack as rolled_back:
            failed = Failed(offset, rolled_back.entry, rolled_back.error)
        return Handled(page[-1].offset, len(mine)) if failed is None else failed

    async def skip(self, failed: Failed) -> None:
        """Leave the event out, unless the offset has been moved meanwhile."""
        async with self._offsets.transaction(self._name) as transaction:
            if transaction.offset == failed.after:
                await transaction.advance(failed.entry.offset)

    async def _handle(
        self, events: Sequence[OrderedEvent], end: int, transaction: OffsetTransaction[C]
    ) -> Failed | None:
        """Handle the events, and advance to the offset `end`."""
        handled = transaction.offset
        failed: Failed | None = None
        turns = Turns()
        for entry in events:
            try:
                handling = self._handler(transaction.connection, enveloped(self._serializers, entry))
                if type(handling) is not CoroutineType and not isawaitable(handling):
                    raise _NotAwaitable(self._name, self._handler, handling)
                await handling
            except BaseException as error:
                if isinstance(error, _NotAwaitable) or interrupts(error):
                    raise
                if transaction.connection is not None:
                    raise _RolledBack(entry, error) from error
                # What was done for the events before this one cannot be undone, so they count.
                failed = Failed(handled, entry, error)
                break
            handled = entry.offset
            await turns.end_if_due()
        await transaction.advance(end if failed is None else handled)
        return failed

    async def _check_end(self, offset: int) -> None:
        highest = await self._store.highest_offset()
        if offset > highest:
            raise ProjectionError(
                f"the projection {self._name!r} has handled events up to offset {offset}, but the journal has never "
                f"come further than {highest}: it was restored from a backup, or is another one; "
                "give the projection its own journal, or begin again with rebuild()"
            )


class _NotAwaitable(ProjectionError):
    """Every event would be handled as badly, again and again."""

    def __init__(self, name: str, handler: object, result: object) -> None:
        super().__init__(
            f"the projection {name!r} stopped: its handler {named(handler)} returned {result!r} where an awaitable is "
            "needed; write it as 'async def'"
        )


class _RolledBack(Exception):
    """Carries a failure out of its transaction, which it rolls back."""

    def __init__(self, entry: OrderedEvent, error: BaseException) -> None:
        super().__init__(entry.offset)
        self.entry = entry
        self.error = error


def described(entry: OrderedEvent) -> str:
    """Which event it is, for messages."""
    record = entry.record
    return f"event {record.sequence_nr} of {record.entity_id!r}, a {record.manifest}, at offset {entry.offset}"
