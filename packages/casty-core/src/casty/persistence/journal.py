"""The journals that users make: an object that opens its store on first use and speaks objects instead of
bytes.

Users call the four methods of `EventJournal`. The interpreter of event-sourced actors leases the open journal
and talks to its store, its writer and its serializer directly.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, cast

from casty import entropy
from casty.errors import ConfigError, DecodeError, JournalError
from casty.persistence.permits import Permits
from casty.persistence.serializers import Serializers, default_serializers
from casty.persistence.session import OpenStore, Session, Sessions
from casty.persistence.snapshots import newest_snapshot
from casty.persistence.turns import PAGE, PageSize, Turns
from casty.persistence.writer import JournalWriter
from casty.plugins.providers import JournalProvider
from casty.spi.event_journal import EventEnvelope, EventJournal, PersistedEvent, Snapshot
from casty.spi.journal import (
    LAST_SEQUENCE_NR,
    DeletingStore,
    EventRecord,
    JournalCapabilities,
    JournalKind,
    JournalStore,
    OrderedEvent,
    OrderedStore,
    SnapshotRecord,
)
from casty.spi.serializer import Serializer

SNAPSHOTS_KEPT: Final = 2
"""One to use, and one for the day when that one is damaged."""


CLOSING: Final = (
    "; use 'async with journal', or 'await journal.aclose()': closing waits until what was submitted is stored"
)


@dataclass(frozen=True, slots=True)
class OpenJournal:
    """What an open journal consists of."""

    store: JournalStore
    writer: JournalWriter
    serializers: Serializers
    permits: Permits
    """For what entities do besides writing events, which the writer puts together."""


class StoreJournal:
    """A journal on top of a store; the base of `InMemoryJournal` and its like.

    It opens on first use and may be opened again after it was closed, on the same event loop or a later one,
    but not on two that run at once. It is closed by `async with`, by `aclose`, or when the last lease is
    given back.
    """

    def __init__(
        self,
        open_store: OpenStore,
        *,
        capabilities: JournalCapabilities,
        serializer: Serializer | None = None,
    ) -> None:
        self._sessions = Sessions(open_store)
        self._capabilities = capabilities
        self._serializer = serializer
        self._given: Serializers | None = None
        self._serializers: Serializers | None = None
        """Those that it was opened with, and what has become of them here."""
        self._entered: list[Session] = []

    @property
    def kind(self) -> JournalKind:
        """Which nodes can read what is written here."""
        return self._capabilities.kind

    @property
    def capabilities(self) -> JournalCapabilities:
        """What the store promises."""
        return self._capabilities

    async def open(self, *, serializers: Serializers | None = None) -> OpenJournal:
        """Open the journal, if it is not yet; it stays open until `aclose`, or until the last lease is given
        back.

        It writes with its own serializer if it has one, else with those given here, else with msgpack.
        """
        return self._opened(await self._sessions.current(), serializers)

    def written_with(self, serializer: Serializer) -> Self:
        """The same journal, for events that this serializer writes and reads. It opens and closes with the other."""
        other = copy(self)
        other._serializer, other._serializers, other._entered = serializer, None, []
        return other

    def lease(self, *, serializers: Serializers | None = None) -> AbstractAsyncContextManager[OpenJournal]:
        """The open journal for the length of an `async with`. The last lease that ends closes it."""
        return _Lease(self, serializers)

    @property
    def unended(self) -> Collection[asyncio.Task[Any]]:
        """Tasks that are left although the journal is not used any more: a store may never come to an end."""
        return self._sessions.tasks

    async def aclose(self) -> None:
        """Store what has been submitted, then close, even if there are leases."""
        await self._sessions.close()

    if not TYPE_CHECKING:  # a checker would believe that any name is there

        def __getattr__(self, name: str) -> object:
            """Lead those who look for `close`, as files and other libraries' journals have it, to `aclose`."""
            hint = CLOSING if name == "close" else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    async def __aenter__(self) -> Self:
        self._entered.append(await self._sessions.lease())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sessions.release(self._entered.pop())

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        """Store all of them or none; see `EventJournal`. Cancelled, it may have stored them or not."""
        opened = await self.open()
        if not events:
            return
        # Each call is a writer of its own: one that is refused says nothing about those after it.
        writer = entropy.source().token(16).hex()
        group = [_record(opened.serializers.events, entity_id, writer, event) for event in events]
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if not stored.done():
                if error is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(error)

        opened.writer.submit(group, done)
        await stored

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        """The entity's events from that number on, ascending. Raises `DecodeError` for one that cannot be
        read.
        """
        opened = await self.open()
        turns, events = Turns(), list[PersistedEvent[Any]]()
        async for page in replay_pages(opened.store, entity_id, from_sequence_nr):
            for record in page:
                events.append(decoded(opened.serializers, record))
                await turns.end_if_due()
        return events

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
        """Store a snapshot and keep the newest two. An older one never replaces a newer one."""
        opened = await self.open()
        serializer = opened.serializers.snapshots
        manifest, version, payload = serializer.encode(snapshot.state)
        record = SnapshotRecord(
            entity_id, snapshot.sequence_nr, manifest, version, payload, snapshot.timestamp, serializer.name
        )
        await opened.store.save_snapshot(record, SNAPSHOTS_KEPT)

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        """The newest snapshot that can be read, or None."""
        opened = await self.open()
        return await newest_snapshot(opened.store, opened.serializers, entity_id, LAST_SEQUENCE_NR)

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        """Delete the entity's events up to that number; no number is given twice. Raises `JournalError` if the store
        deletes nothing (capability `deleting`).
        """
        opened = await self.open()
        if not self.capabilities.deleting:
            raise JournalError(f"the store of this {type(self).__name__} deletes nothing: it lacks `deleting`")
        await cast(DeletingStore, opened.store).delete_events(entity_id, to_sequence_nr)

    def events(self, after: int = 0, tags: Sequence[str] = ()) -> AsyncIterator[EventEnvelope[Any]]:
        """All events with an offset above `after`, or those with at least one of the tags, up to the journal's end.

        A reader that continues after the last offset misses none, whatever is written meanwhile. Raises `JournalError`
        if the store has no such order, and `DecodeError` at an event that cannot be read.
        """
        readable_in_order(self)
        return self._events(after, checked_tags(tags))

    async def _events(self, after: int, tags: Sequence[str]) -> AsyncIterator[EventEnvelope[Any]]:
        opened = await self.open()
        turns, size = Turns(), PageSize()
        while page := await ordered(opened).read(after, size.limit, tags):
            size.seen([entry.record for entry in page])
            for entry in page:
                yield enveloped(opened.serializers, entry)
                await turns.end_if_due()
            after = page[-1].offset

    def entity_ids(self) -> AsyncIterator[str]:
        """The ids of all entities that have events, ascending by their UTF-8 bytes. Raises `JournalError` like
        `events`.
        """
        readable_in_order(self)
        return self._entity_ids()

    async def _entity_ids(self) -> AsyncIterator[str]:
        store = ordered(await self.open())
        after = ""
        while page := await store.entity_ids(after, PAGE):
            for entity_id in page:
                yield entity_id
            after = page[-1]

    def _opened(self, session: Session, given: Serializers | None) -> OpenJournal:
        if given is not self._given or self._serializers is None:
            self._given, self._serializers = given, self._chosen(default_serializers() if given is None else given)
        return OpenJournal(session.store, session.writer, self._serializers, session.permits)

    def _chosen(self, serializers: Serializers) -> Serializers:
        if self._serializer is not None:
            serializers = serializers.with_own(self._serializer)
        return serializers.for_storing() if self._capabilities.durable else serializers


class _Lease:
    """Not a generator: an event loop that ends before the lease closes all generators at once, the store's
    among them.
    """

    __slots__ = ("_journal", "_serializers", "_session")

    def __init__(self, journal: StoreJournal, serializers: Serializers | None) -> None:
        self._journal = journal
        self._serializers = serializers

    async def __aenter__(self) -> OpenJournal:
        self._session = await self._journal._sessions.lease()
        return self._journal._opened(self._session, self._serializers)

    async def __aexit__(self, *_: object) -> None:
        await self._journal._sessions.release(self._session)


def journal_from_provider(
    provider: JournalProvider[Any], url: str, options: object, *, serializer: Serializer | None = None
) -> StoreJournal:
    """The journal that `provider` opens for `url` with `options`, an instance of its options class."""
    return StoreJournal(lambda: provider.open(url, options), capabilities=provider.capabilities, serializer=serializer)


def readable_in_order(journal: EventJournal) -> StoreJournal:
    """The journal. Raises `JournalError` if its events cannot be read in one order of all."""
    if isinstance(journal, StoreJournal) and journal.capabilities.ordered:
        return journal
    raise JournalError(
        f"all events of a {type(journal).__name__} cannot be read in one order, which its store would have to promise "
        "(capability `ordered`); use InMemoryJournal, SqliteJournal or PostgresJournal, or load one entity's events"
    )


def deletion_in(journal: EventJournal) -> Callable[[str, int], Awaitable[None]] | None:
    """What deletes an entity's events up to a number; None where nothing does."""
    return journal.delete_events if isinstance(journal, StoreJournal) and journal.capabilities.deleting else None


def ordered(journal: OpenJournal) -> OrderedStore:
    """The store of a journal that is readable in order."""
    return cast(OrderedStore, journal.store)


def checked_tags(tags: Sequence[str]) -> Sequence[str]:
    """Raises `ConfigError` for a text: it is a sequence of texts too, but its letters are not meant."""
    if isinstance(tags, str):
        raise ConfigError(f"tags must be a list of texts, such as [{tags!r}]; they are {tags!r}")
    return tags


async def replay_pages(
    store: JournalStore, entity_id: str, from_sequence_nr: int, to_sequence_nr: int = LAST_SEQUENCE_NR
) -> AsyncIterator[Sequence[EventRecord]]:
    """The entity's events between the two numbers (both inclusive), ascending, page by page."""
    size = PageSize()
    while page := await store.replay(entity_id, from_sequence_nr, to_sequence_nr, limit := size.limit):
        yield page
        if len(page) < limit:
            return
        size.seen(page)
        from_sequence_nr = page[-1].sequence_nr + 1


def decoded(serializers: Serializers, record: EventRecord) -> PersistedEvent[Any]:
    """The event of a record. Raises `DecodeError` with a note of which event it is."""
    try:
        event = serializers.event(record)
    except DecodeError as error:
        error.add_note(f"This is event {record.sequence_nr} of the entity {record.entity_id!r}.")
        raise
    return PersistedEvent(record.sequence_nr, event, record.timestamp)


def enveloped(serializers: Serializers, entry: OrderedEvent) -> EventEnvelope[Any]:
    """The event of an entry. Raises `DecodeError` with notes of which event it is."""
    record = entry.record
    try:
        event = decoded(serializers, record).event
    except DecodeError as error:
        error.add_note(f"It is a {record.manifest!r} at offset {entry.offset}.")
        raise
    return EventEnvelope(
        offset=entry.offset,
        entity_id=record.entity_id,
        sequence_nr=record.sequence_nr,
        event=event,
        timestamp=record.timestamp,
        tags=record.tags,
    )


def _record(serializer: Serializer, entity_id: str, writer: str, event: PersistedEvent[Any]) -> EventRecord:
    manifest, version, payload = serializer.encode(event.event)
    return EventRecord(
        entity_id=entity_id,
        sequence_nr=event.sequence_nr,
        epoch=0,
        writer=writer,
        event_id=entropy.source().token(16),
        manifest=manifest,
        version=version,
        payload=payload,
        timestamp=event.timestamp,
        tags=(),
        serializer=serializer.name,
    )
