"""A journal as a stranger writes it from `docs/plugins.md` alone: a file of JSON lines, and all of it in memory too."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from casty.errors import JournalClosedError, JournalError, JournalSchemaError
from casty.plugins import JournalProvider, hookimpl
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    OrderedEvent,
    SnapshotRecord,
)
from casty.spi.sequence import examine

CAPABILITIES = JournalCapabilities(durable=True, ordered=True, read_only=True)


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """The options of `folder://`."""

    read_only: bool = False


type Line = dict[str, Any]


class FolderStore:
    """See `casty.spi.journal.OrderedStore`."""

    def __init__(self, folder: Path, options: FolderOptions) -> None:
        self.file = folder / "events.jsonl"
        self.options = options
        self.events: list[EventRecord] = []
        """In the order in which they were stored: an event's offset is its place, from 1."""
        self.snapshots: dict[str, dict[int, SnapshotRecord]] = {}
        self.is_closed = False
        self._writing = asyncio.Lock()

    @property
    def capabilities(self) -> JournalCapabilities:
        return CAPABILITIES

    def load(self) -> None:
        """What the file has. Behind its last end of line there is what a crash has left of a write."""
        if not self.file.exists():
            self.make()
        whole, _, torn = self.file.read_bytes().rpartition(b"\n")
        if torn and not self.options.read_only:
            os.truncate(self.file, len(whole) + 1 if whole else 0)
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                self.remember(self.record_of(json.loads(text)))
            except (KeyError, TypeError, ValueError) as error:
                raise JournalSchemaError(f"{self.file}: line {number} is no record of a journal") from error

    def make(self) -> None:
        """The file, where there is none."""
        if self.options.read_only:
            raise JournalError(f"there is no journal {self.file} to read; open it once without read_only")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.touch()

    def check_open(self) -> None:
        if self.is_closed:
            raise JournalClosedError(f"{self.file} is closed; open it again")

    def check_writable(self) -> None:
        if self.options.read_only:
            raise JournalError(f"{self.file} was opened with read_only; open it without to write to it")

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        self.check_open()
        self.check_writable()
        return await asyncio.shield(self.store(groups))

    async def store(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        """Decide about the groups and write those that are accepted. It goes on when its caller is cancelled."""
        async with self._writing:
            highest = {entity_id: len(self.history(entity_id)) for entity_id in {g[0].entity_id for g in groups if g}}
            verdict = examine(groups, highest, event_id_of=self.event_id_of)
            await self.write([record for group in verdict.accepted for record in group])
            return verdict.outcomes

    def event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        history = self.history(entity_id)
        return history[sequence_nr - 1].event_id if 0 < sequence_nr <= len(history) else None

    def history(self, entity_id: str) -> list[EventRecord]:
        return [record for record in self.events if record.entity_id == entity_id]

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        self.check_open()
        wanted = [r for r in self.history(entity_id) if from_sequence_nr <= r.sequence_nr <= to_sequence_nr]
        return wanted[: max(limit, 0)]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        self.check_open()
        return len(self.history(entity_id))

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        self.check_open()
        self.check_writable()
        async with self._writing:
            await asyncio.shield(self.write([snapshot]))
            kept = self.snapshots[snapshot.entity_id]
            for number in sorted(kept)[:-keep]:
                del kept[number]

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        self.check_open()
        fitting = [s for s in self.snapshots.get(entity_id, {}).values() if s.sequence_nr <= to_sequence_nr]
        return max(fitting, key=lambda snapshot: snapshot.sequence_nr, default=None)

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        self.check_open()
        all_of_them = (OrderedEvent(offset, record) for offset, record in enumerate(self.events, start=1))
        return [e for e in all_of_them if e.offset > after and self.is_wanted(e.record, tags)][: max(limit, 0)]

    def is_wanted(self, record: EventRecord, tags: Sequence[str]) -> bool:
        return not tags or bool({*tags} & {*record.tags})

    async def highest_offset(self) -> int:
        self.check_open()
        return len(self.events)

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        self.check_open()
        ids = {record.entity_id for record in self.events if record.entity_id > after}
        return sorted(ids, key=str.encode)[: max(limit, 0)]

    async def write(self, records: Sequence[EventRecord | SnapshotRecord]) -> None:
        """On the disk first, then in memory."""
        if records:
            text = "".join(json.dumps(self.line_of(record)) + "\n" for record in records)
            await asyncio.to_thread(self.write_text, text)
        for record in records:
            self.remember(record)

    def write_text(self, text: str) -> None:
        with self.file.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def remember(self, record: EventRecord | SnapshotRecord) -> None:
        if isinstance(record, EventRecord):
            self.events.append(record)
        else:
            self.snapshots.setdefault(record.entity_id, {})[record.sequence_nr] = record

    def line_of(self, record: EventRecord | SnapshotRecord) -> Line:
        return {key: value.hex() if isinstance(value, bytes) else value for key, value in record._asdict().items()}

    def record_of(self, line: Line) -> EventRecord | SnapshotRecord:
        line["payload"] = bytes.fromhex(line["payload"])
        if "event_id" not in line:
            return SnapshotRecord(**line)
        line["event_id"] = bytes.fromhex(line["event_id"])
        line["tags"] = tuple(line["tags"])
        return EventRecord(**line)

    async def close(self) -> None:
        self.is_closed = True
        async with self._writing:  # what was begun is stored
            pass


@asynccontextmanager
async def opened(store: FolderStore) -> AsyncGenerator[FolderStore]:
    await asyncio.to_thread(store.load)
    try:
        yield store
    finally:
        await store.close()


def folder_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


@asynccontextmanager
async def open_folder(url: str, options: FolderOptions) -> AsyncGenerator[FolderStore]:
    async with opened(FolderStore(folder_of(url), options)) as store:
        yield store


@hookimpl
def casty_journals() -> list[JournalProvider[FolderOptions]]:
    return [JournalProvider(names=("folder",), open=open_folder, capabilities=CAPABILITIES, options=FolderOptions)]
