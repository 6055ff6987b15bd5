"""A journal is read page by page: to its end, and no more at a time than memory should hold."""

from collections.abc import Sequence
from typing import override

from casty.journals.memory import MemoryStore
from casty.spi.journal import EventRecord, OrderedEvent
from casty_cli.paging import LARGEST, entity_pages, ordered_pages

from tests.cli.histories import deposits


async def filled(store: MemoryStore, *groups: Sequence[EventRecord]) -> MemoryStore:
    assert not any(await store.append(groups))
    return store


async def test_pages_are_small_where_events_are_large() -> None:
    large = [record._replace(payload=bytes(2**20)) for record in deposits("a", 1, 200)]
    store = await filled(MemoryStore(), large, deposits("b", 1, 5_000))
    in_order = [len(page) async for page in ordered_pages(store)]
    assert sum(in_order) == 5_200
    assert in_order[1] == 8
    assert max(in_order) == LARGEST
    of_entity = [len(page) async for page in entity_pages(store, "a")]
    assert (sum(of_entity), of_entity[1]) == (200, 8)


class RememberingStore(MemoryStore):
    """Shows what was stored when it looked last, and looks when there is nothing to show; deletes meanwhile."""

    __slots__ = ("_end", "_reads")

    def __init__(self) -> None:
        super().__init__()
        self._end = 0
        self._reads = 0

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        self._reads += 1
        if self._reads == 2:
            await self.delete_events("state", 1)
            await self.append([deposits("state", 2, 2)])
        if not (page := await self._remembered(after, limit)):
            self._end = await self.highest_offset()
            page = await self._remembered(after, limit)
        return page

    async def _remembered(self, after: int, limit: int) -> Sequence[OrderedEvent]:
        return [entry for entry in await super().read(after, limit) if entry.offset <= self._end]


async def test_an_entity_whose_event_is_superseded_before_it_is_read_is_seen() -> None:
    store = await filled(RememberingStore(), deposits("a", 1, 150), deposits("state", 1, 1))
    seen = [entry.record for page in [page async for page in ordered_pages(store)] for entry in page]
    assert [record.sequence_nr for record in seen if record.entity_id == "state"] == [2]
    assert len(seen) == 151


class EndlessStore(MemoryStore):
    """Has a writer that never rests."""

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        page = await super().read(after, limit, tags)
        number = await self.highest_sequence_nr("a")
        await self.append([deposits("a", number + 1, number + 1)])
        return page


async def test_reading_ends_beside_a_writer_that_never_rests() -> None:
    store = await filled(EndlessStore(), deposits("a", 1, 250))
    assert 250 <= sum([len(page) async for page in ordered_pages(store)]) <= 255
