"""`export`: a journal into a file. An incomplete file of an earlier process is continued."""

from dataclasses import asdict
from pathlib import Path

from casty.errors import JournalError
from casty.spi.journal import OrderedEvent, OrderedStore

from casty_cli.export_file import ExportWriter
from casty_cli.paging import everything, reached
from casty_cli.settings import NamedJournal
from casty_cli.terminal import print_json, progress, say


async def export_journal(journal: NamedJournal, path: Path, *, as_json: bool) -> None:
    """Write all events, in the order in which they were stored, and all snapshots.

    Raises `JournalError` if the file exists, or was started with another journal.
    """
    async with journal.to_read() as store:
        end = await store.highest_offset()
        with ExportWriter(path, journal.name) as file, progress("events, then snapshots", end) as report:
            begun = file.extent
            if begun.events:
                say(f"continuing after {begun.events} events and {begun.snapshots} snapshots")
            if begun.last_event is not None:
                await _expect_stored(store, begun.last_event, journal.name)
            if begun.end is None:
                after = begun.last_event.offset if begun.last_event is not None else 0
                async for page in everything(store, after, begun.last_snapshot):
                    file.write(page)
                    report(reached(page, end))
            counts = file.finish()
    if as_json:
        print_json({"file": str(path), "journal": journal.name, **asdict(counts)})
    else:
        print(f"{path}: {counts.events} events and {counts.snapshots} snapshots of {journal.name}")


async def _expect_stored(store: OrderedStore, exported: OrderedEvent, name: str) -> None:
    """Check that the journal is still the exported one: the event may be deleted, but no other may have its offset."""
    for found in await store.read(exported.offset - 1, 1):
        if found.offset == exported.offset and found.record.event_id != exported.record.event_id:
            raise JournalError(
                f"{name} has event {found.record.sequence_nr} of {found.record.entity_id!r} at the offset "
                f"{found.offset}, where the export so far has event {exported.record.sequence_nr} of "
                f"{exported.record.entity_id!r}: it is not the same journal any more; start a new file"
            )
