"""Reads a whole journal page by page, in bounded memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, final

from casty.spi.journal import LAST_SEQUENCE_NR, EventRecord, JournalStore, OrderedEvent, OrderedStore, SnapshotRecord

LARGEST: Final = 1_000
"""Largest number of events in a page."""

BYTES: Final = 8 * 1024 * 1024
"""Intended size of the payloads of a page."""


@final
class PageSize:
    """Number of events to request: fewer if they are large."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        self.limit = LARGEST // 10

    def learn(self, page: Sequence[EventRecord]) -> None:
        size = sum(len(record.payload) for record in page)
        self.limit = max(1, min(LARGEST, BYTES * len(page) // max(size, 1)))


async def ordered_pages(store: OrderedStore, after: int = 0) -> AsyncIterator[Sequence[OrderedEvent]]:
    """All events with an offset above `after`, up to the journal's end when it is reached.

    This covers every entity that has events, even if its first ones are deleted in the meantime.
    """
    size = PageSize()
    short = 0
    # A page that is not full is the last; but the first such page may end where the store last knew the end.
    while short < 2 and (page := await store.read(after, size.limit)):
        yield page
        short = short + 1 if len(page) < size.limit else 0
        after = page[-1].offset
        size.learn([entry.record for entry in page])


async def entity_pages(
    store: JournalStore, entity_id: str, first: int = 0, last: int = LAST_SEQUENCE_NR
) -> AsyncIterator[Sequence[EventRecord]]:
    """The entity's events between the two numbers (both inclusive), ascending."""
    size = PageSize()
    asked = found = 0
    while found == asked:
        asked = size.limit
        if not (page := await store.replay(entity_id, first, last, asked)):
            return
        found = len(page)
        yield page
        first = page[-1].sequence_nr + 1
        size.learn(page)


async def entity_ids(store: OrderedStore, prefix: str = "", after: str | None = None) -> AsyncIterator[str]:
    """The ids with this prefix of all entities that have events, ascending; with `after`, those beyond it."""
    if after is None:
        after = prefix
        if await store.replay(prefix, 0, LAST_SEQUENCE_NR, 1):
            yield prefix
    while page := await store.entity_ids(after, LARGEST):
        for entity_id in page:
            # Ids with the prefix sort directly after the prefix itself, before all others.
            if not entity_id.startswith(prefix):
                return
            yield entity_id
        after = page[-1]


async def snapshots(
    store: JournalStore, entity_id: str, newest: int = LAST_SEQUENCE_NR
) -> AsyncIterator[SnapshotRecord]:
    """The entity's snapshots up to the event `newest`, the newest first."""
    while (snapshot := await store.load_snapshot(entity_id, newest)) is not None:
        yield snapshot
        newest = snapshot.sequence_nr - 1


type Page = Sequence[OrderedEvent | SnapshotRecord]


def reached(page: Page, end: int) -> int:
    """How far a journal that ends at the offset `end` is read after this page."""
    last = page[-1]
    return last.offset if isinstance(last, OrderedEvent) else end


async def everything(
    store: OrderedStore, after: int = 0, after_snapshot: SnapshotRecord | None = None
) -> AsyncIterator[Page]:
    """All events in their order, then all snapshots, entity by entity. Continues after an offset, or after a snapshot,
    which implies that all events were read.
    """
    done: str | None = None
    if after_snapshot is None:
        async for page in ordered_pages(store, after):
            yield page
    else:
        done = after_snapshot.entity_id
        async for older in snapshots(store, done, after_snapshot.sequence_nr - 1):
            yield [older]
    async for entity_id in entity_ids(store, after=done):
        if page := [snapshot async for snapshot in snapshots(store, entity_id)]:
            yield page
