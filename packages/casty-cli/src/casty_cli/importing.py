"""`import`: stores the events and snapshots of an export or another journal.

Events keep everything except their epochs, which become 0: a journal's own fences assign its epochs, and the
next owner of an entity starts with 1. Stored events are recognized by their ids, so that an
import can be repeated any number of times.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, final

from casty.errors import JournalError, SequenceConflictError
from casty.spi.journal import EventRecord, JournalStore, OrderedEvent, SnapshotRecord

from casty_cli.deleted_numbers import pass_over, remove_stand_ins
from casty_cli.export_file import pages, surveyed
from casty_cli.paging import Page, everything, reached
from casty_cli.settings import NamedJournal
from casty_cli.terminal import print_json, progress, say

ALL: Final = 2**31 - 1
"""Number of snapshots kept per entity: an import drops none."""

GAPS_NAMED: Final = 3
"""Number of gaps in histories that are named one by one."""

REMEMBERED: Final = 100_000
"""Number of entities whose last number is remembered."""


async def import_file(journal: NamedJournal, path: Path, *, as_json: bool) -> None:
    """Import a file. Raises `JournalError` for an incomplete file, and for a history that differs from a stored one."""
    extent = surveyed(path)
    async with journal.to_write() as store:
        importer = Importer(store, journal.name, str(path))
        await remove_stand_ins(store)
        with progress("events, then snapshots", extent.events + extent.snapshots) as report:
            for page in pages(path):
                await importer.store(page)
                report(importer.events + importer.snapshots + importer.left_out)
    _tell(importer, as_json=as_json)


async def copy_journal(journal: NamedJournal, source: NamedJournal, *, as_json: bool) -> None:
    """Import another journal. Raises `JournalError` for a history that differs from a stored one."""
    async with source.to_read() as origin, journal.to_write() as store:
        importer = Importer(store, journal.name, source.name)
        await remove_stand_ins(store)
        end = await origin.highest_offset()
        with progress("events, then snapshots", end) as report:
            async for page in everything(origin):
                await importer.store(page)
                report(reached(page, end))
    _tell(importer, as_json=as_json)


def _tell(importer: "Importer", *, as_json: bool) -> None:
    for note in importer.notes():
        say(note)
    names = {"journal": importer.name, "source": importer.source}
    counts = {"events": importer.events, "snapshots": importer.snapshots, "left_out": importer.left_out}
    if as_json:
        print_json({**names, **counts})
    else:
        print("{journal} has all {events} events and {snapshots} snapshots of {source}".format(**names, **counts))


@final
class Importer:
    """Stores what is not stored yet. Raises `JournalError` for an event that differs from the stored one."""

    def __init__(self, store: JournalStore, name: str, source: str) -> None:
        self._store = store
        self.name = name
        self.source = source
        self.events = 0
        self.snapshots = 0
        self.left_out = 0
        """Number of skipped snapshots, whose events the source had not returned yet."""
        self._gaps: list[str] = []
        self._reached: dict[str, int] = {}
        """By entity, the number of the last imported event."""

    def notes(self) -> Iterator[str]:
        """Remarks on the import for the user."""
        if self.left_out:
            yield f"{self.left_out} snapshots were newer than the newest event of their entity, and were skipped"
        if self._gaps:
            named = ", ".join(self._gaps[:GAPS_NAMED]) + (" and more" if len(self._gaps) > GAPS_NAMED else "")
            yield (
                f"{self.source} lacks {named}; they and earlier events were assumed to be deleted during the import; "
                "if nothing deletes events there, verify it"
            )

    async def store(self, page: Page) -> None:
        """Import a page, events before snapshots."""
        await self._store_events([line.record for line in page if isinstance(line, OrderedEvent)])
        for line in page:
            if isinstance(line, SnapshotRecord):
                await self._store_snapshot(line)

    async def _store_events(self, records: Sequence[EventRecord]) -> None:
        ready: list[Sequence[EventRecord]] = []
        for group in _groups(records):
            if await self._follows_a_gap(group[0]):
                await self._append(ready)
                await self._pass_over_gap(group[0])
                ready = []
            ready.append(group)
            self._reached[group[0].entity_id] = group[-1].sequence_nr
        await self._append(ready)
        self.events += len(records)
        if len(self._reached) > REMEMBERED:
            self._reached.clear()

    async def _follows_a_gap(self, record: EventRecord) -> bool:
        """Whether events before this one are missing here, and so were deleted in the source."""
        entity_id, before = record.entity_id, record.sequence_nr - 1
        return self._reached.get(entity_id, 0) < before > await self._store.highest_sequence_nr(entity_id)

    async def _pass_over_gap(self, record: EventRecord) -> None:
        entity_id, highest = record.entity_id, await self._store.highest_sequence_nr(record.entity_id)
        if highest and len(self._gaps) <= GAPS_NAMED:
            self._gaps.append(f"events {highest + 1} to {record.sequence_nr - 1} of {entity_id!r}")
        await pass_over(self._store, entity_id, highest, record.sequence_nr - 1)

    async def _append(self, groups: Sequence[Sequence[EventRecord]]) -> None:
        outcomes = await self._store.append(groups) if groups else ()
        for group, outcome in zip(groups, outcomes, strict=True):
            match outcome:
                case None:
                    pass
                case SequenceConflictError():
                    await self._settle(group)
                case _:
                    raise outcome

    async def _settle(self, group: Sequence[EventRecord]) -> None:
        """Store the rest of a group of which some events are stored already."""
        entity_id, first, last = group[0].entity_id, group[0].sequence_nr, group[-1].sequence_nr
        for stored in await self._store.replay(entity_id, first, last, len(group)):
            record = group[stored.sequence_nr - first]
            if stored.event_id != record.event_id:
                raise JournalError(
                    f"{self.name} has another event {record.sequence_nr} of {entity_id!r} ({stored.event_id.hex()}) "
                    f"than {self.source} ({record.event_id.hex()}): the entity has two histories; import into an "
                    "empty journal, or decide which one is right"
                )
        highest = await self._store.highest_sequence_nr(entity_id)
        if missing := group[max(0, highest + 1 - first) :]:
            (outcome,) = await self._store.append([missing])
            if outcome is not None:
                raise outcome

    async def _store_snapshot(self, snapshot: SnapshotRecord) -> None:
        # A snapshot taken while the source was read may belong to an event that was stored too late to be read.
        if snapshot.sequence_nr > await self._store.highest_sequence_nr(snapshot.entity_id):
            self.left_out += 1
        else:
            await self._store.save_snapshot(snapshot, ALL)
            self.snapshots += 1


def _groups(records: Sequence[EventRecord]) -> list[list[EventRecord]]:
    """Group consecutive events of one entity, with epoch 0."""
    groups: list[list[EventRecord]] = []
    entity_id, due = "", 0
    for record in records:
        if (record.entity_id, record.sequence_nr) != (entity_id, due) or not groups:
            groups.append([])
        groups[-1].append(record._replace(epoch=0))
        entity_id, due = record.entity_id, record.sequence_nr + 1
    return groups
