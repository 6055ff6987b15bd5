"""The memory store with one fault each in what it answers to those who read in order."""

import asyncio
from collections.abc import Sequence
from typing import override

from casty.journals.memory import MemoryStore
from casty.spi.journal import EventRecord, OrderedEvent

from tests.conformance.mutants import Groups, Outcomes


class SkipsBetweenPages(MemoryStore):
    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        return await super().read(after + 1 if after else 0, limit, tags)


class ReadsFromTheStart(MemoryStore):
    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        return await super().read(0, limit, tags)


class ShowsEventsLate(MemoryStore):
    """Gives each group its offsets first, and shows them one after the other, the last group first."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: list[EventRecord] = []

    @override
    async def append(self, groups: Groups) -> Outcomes:
        self.hidden = [record for group in groups[:-1] for record in group]
        outcomes = await super().append(groups)
        await asyncio.sleep(0)
        self.hidden = []
        return outcomes

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        found = await super().read(after, limit, tags)
        return [entry for entry in found if entry.record not in self.hidden]


class StopsWhereOthersHaveRead(MemoryStore):
    """Looks for new events only for a reader that has reached the known end."""

    known = 0

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        if after >= self.known:
            self.known = await super().highest_offset()
        return [entry for entry in await super().read(after, limit, tags) if entry.offset <= self.known]


class CountsEventsForOffsets(MemoryStore):
    @override
    async def highest_offset(self) -> int:
        return len(self._events)


class ForgetsTheOffsetsOfDeletedEvents(MemoryStore):
    @override
    async def highest_offset(self) -> int:
        return max((entry.offset for entry in await self.read(0, 1_000_000)), default=0)


class FindsTagsWithinTags(MemoryStore):
    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        found = await super().read(after, 2**63 - 1)
        return [e for e in found if not tags or any(tag in ",".join(e.record.tags) for tag in tags)][:limit]


class ListsEntitiesUnordered(MemoryStore):
    @override
    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        return [entity_id for entity_id, events in self._events.items() if events and entity_id > after][:limit]
