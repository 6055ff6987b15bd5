"""The store: records in memory, and behind them a file to which each is appended as one line of JSON."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, final

from casty.errors import JournalSchemaError
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    SnapshotRecord,
)
from casty.spi.sequence import examine


async def open_store(path: str, capabilities: JournalCapabilities, *, create: bool) -> "ExampleStore":
    """The journal in the file `path`, or in memory for "". Raises OSError, or `JournalSchemaError`."""
    if not path:
        return ExampleStore(capabilities, None)
    file = await asyncio.to_thread(Path(path).open, "a+" if create else "r+", encoding="utf-8")
    try:
        lines = await asyncio.to_thread(_read, file)
        store = ExampleStore(capabilities, file)
        for number, line in enumerate(lines, start=1):
            try:
                store.remember(_from_line(line))
            except (KeyError, TypeError, ValueError):
                raise JournalSchemaError(f"{path}: line {number} is no record of a journal") from None
    except BaseException:
        file.close()
        raise
    return store


@final
class ExampleStore:
    """See `casty.spi.journal.JournalStore`.

    What has begun to write goes on when its caller is cancelled, or else the file and the memory would differ.
    """

    def __init__(self, capabilities: JournalCapabilities, file: IO[str] | None) -> None:
        self._capabilities = capabilities
        self._file = file
        self._writing = asyncio.Lock()
        self._events: dict[str, list[EventRecord]] = {}
        self._snapshots: dict[str, list[SnapshotRecord]] = {}

    @property
    def capabilities(self) -> JournalCapabilities:
        return self._capabilities

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        return await asyncio.shield(self._append(groups))

    async def _append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        async with self._writing:
            highest = {entity_id: len(events) for entity_id, events in self._events.items()}
            verdict = examine(groups, highest, event_id_of=self._event_id_of)
            await self._write([record for group in verdict.accepted for record in group])
            return verdict.outcomes

    def _event_id_of(self, entity_id: str, sequence_nr: int) -> bytes | None:
        return next((e.event_id for e in self._events.get(entity_id, []) if e.sequence_nr == sequence_nr), None)

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        events = self._events.get(entity_id, [])
        # The event with the number n stands at n - 1: numbers have no gaps.
        return events[max(from_sequence_nr - 1, 0) : max(to_sequence_nr, 0)][:limit]

    async def highest_sequence_nr(self, entity_id: str) -> int:
        return len(self._events.get(entity_id, []))

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        await asyncio.shield(self._save_snapshot(snapshot, keep))

    async def _save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        async with self._writing:
            await self._write([snapshot])
            kept = self._snapshots[snapshot.entity_id]
            del kept[: max(len(kept) - keep, 0)]

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        candidates = [s for s in self._snapshots.get(entity_id, []) if s.sequence_nr <= to_sequence_nr]
        return candidates[-1] if candidates else None

    async def close(self) -> None:
        async with self._writing:
            if self._file is not None:
                await asyncio.to_thread(self._file.close)

    def remember(self, record: EventRecord | SnapshotRecord) -> None:
        """Keep in memory what the file has."""
        if isinstance(record, EventRecord):
            self._events.setdefault(record.entity_id, []).append(record)
            return
        snapshots = self._snapshots.setdefault(record.entity_id, [])
        snapshots[:] = [s for s in snapshots if s.sequence_nr != record.sequence_nr]
        snapshots.append(record)
        snapshots.sort(key=lambda snapshot: snapshot.sequence_nr)

    async def _write(self, records: Sequence[EventRecord | SnapshotRecord]) -> None:
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, "".join(map(_to_line, records)))
        for record in records:
            self.remember(record)


def _read(file: IO[str]) -> list[str]:
    file.seek(0)
    return file.readlines()


def _append(file: IO[str], text: str) -> None:
    file.write(text)
    file.flush()


def _to_line(record: EventRecord | SnapshotRecord) -> str:
    fields = {key: value.hex() if isinstance(value, bytes) else value for key, value in record._asdict().items()}
    return json.dumps(fields) + "\n"


def _from_line(line: str) -> EventRecord | SnapshotRecord:
    fields: dict[str, Any] = json.loads(line)
    fields["payload"] = bytes.fromhex(fields["payload"])
    if "event_id" not in fields:
        return SnapshotRecord(**fields)
    fields["event_id"] = bytes.fromhex(fields["event_id"])
    fields["tags"] = tuple(fields["tags"])
    return EventRecord(**fields)
