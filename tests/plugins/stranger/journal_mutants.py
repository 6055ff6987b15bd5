"""The stranger's journal with one deliberate bug each, of the kinds that a first version has."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, override

from casty.errors import JournalError
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)

from tests.plugins.stranger.journal import CAPABILITIES, FolderStore, Line

type Groups = Sequence[AppendGroup]
type Outcomes = Sequence[AppendOutcome]


class DeclaresWhatItHasNot(FolderStore):
    @property
    @override
    def capabilities(self) -> JournalCapabilities:
        return replace(CAPABILITIES, deleting=True)


class KeepsAllInMemory(FolderStore):
    @override
    def write_text(self, text: str) -> None:
        pass


class WritesTheLastLineLater(FolderStore):
    late = ""

    @override
    def write_text(self, text: str) -> None:
        *lines, last = text.splitlines(keepends=True)
        super().write_text(self.late + "".join(lines))
        self.late = last


class ForgetsTagsOnDisk(FolderStore):
    @override
    def line_of(self, record: EventRecord | SnapshotRecord) -> Line:
        line = super().line_of(record)
        return line | {"tags": []} if "tags" in line else line


class ForgetsSerializersOnDisk(FolderStore):
    @override
    def line_of(self, record: EventRecord | SnapshotRecord) -> Line:
        line = super().line_of(record)
        del line["serializer"]
        return line


class RoundsTimesOnDisk(FolderStore):
    @override
    def line_of(self, record: EventRecord | SnapshotRecord) -> Line:
        return super().line_of(record) | {"timestamp": int(record.timestamp)}


class KnowsNoRepetition(FolderStore):
    @override
    def event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        return None


class AcknowledgesEverything(FolderStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        await super().append(groups)
        return [None] * len(groups)


class AcknowledgesTooEarly(FolderStore):
    storing: asyncio.Future[Any]

    @override
    async def append(self, groups: Groups) -> Outcomes:
        self.storing = asyncio.ensure_future(super().append(groups))
        return [None] * len(groups)

    @override
    async def close(self) -> None:
        await asyncio.wait([self.storing])
        await super().close()


class RaisesForOneBadGroup(FolderStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        for outcome in await super().append(groups):
            if outcome is not None:
                raise outcome
        return [None] * len(groups)


class StopsInTheMiddleWhenCancelled(FolderStore):
    """Writes without a thread: how far one of its own has come would depend on how busy the machine is."""

    @override
    async def write(self, records: Sequence[EventRecord | SnapshotRecord]) -> None:
        for record in records:
            self.write_text(json.dumps(self.line_of(record)) + "\n")
            self.remember(record)
            await asyncio.sleep(0)

    @override
    async def append(self, groups: Groups) -> Outcomes:
        return await self.store(groups)


class LooksUpNothing(FolderStore):
    """A bare KeyError for an entity that there is not."""

    @override
    def history(self, entity_id: str) -> list[EventRecord]:
        by_entity: dict[str, list[EventRecord]] = {}
        for record in self.events:
            by_entity.setdefault(record.entity_id, []).append(record)
        return by_entity[entity_id]


class IgnoresTheLimit(FolderStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        return await super().replay(entity_id, from_sequence_nr, to_sequence_nr, 2**62)


class SortsByTime(FolderStore):
    @override
    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        found = await super().replay(entity_id, from_sequence_nr, to_sequence_nr, limit)
        return sorted(found, key=lambda record: record.timestamp)


class TakesIdsForAlike(FolderStore):
    """As a file system does that ignores case."""

    @override
    def history(self, entity_id: str) -> list[EventRecord]:
        return [record for record in self.events if record.entity_id.lower() == entity_id.lower()]


class KeepsOneSnapshot(FolderStore):
    @override
    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        await super().save_snapshot(snapshot, 1)


class AnswersTheNewestSnapshotAlways(FolderStore):
    @override
    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        return await super().load_snapshot(entity_id, 2**63 - 1)


class ReadsTheLastOneAgain(FolderStore):
    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        return await super().read(after - 1, limit, tags)


class WantsAllTags(FolderStore):
    @override
    def is_wanted(self, record: EventRecord, tags: Sequence[str]) -> bool:
        return {*tags} <= {*record.tags}


class ListsEntitiesAsTheyCame(FolderStore):
    @override
    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        return [*dict.fromkeys(record.entity_id for record in self.events if record.entity_id > after)][:limit]


class WritesWhenItMayOnlyRead(FolderStore):
    @override
    def check_writable(self) -> None:
        pass


class MakesWhatItWasToLookAt(FolderStore):
    @override
    def make(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()


class GoesOnWhenItIsClosed(FolderStore):
    @override
    def check_open(self) -> None:
        pass


class HidesDamage(FolderStore):
    """Leaves out what it cannot read."""

    @override
    def remember(self, record: EventRecord | SnapshotRecord) -> None:
        if record.version > 0 and record.manifest.isascii():
            super().remember(record)


class RefusesAnEmptyAppend(FolderStore):
    @override
    async def append(self, groups: Groups) -> Outcomes:
        if not all(groups):
            raise JournalError("there is nothing to store")
        return await super().append(groups)
