"""`ids` and `show`: list the entities, and the events and snapshots of one."""

from typing import Final

from casty.errors import JournalError
from casty.spi.journal import LAST_SEQUENCE_NR, EventRecord, JournalStore

from casty_cli.paging import entity_ids, entity_pages, snapshots
from casty_cli.settings import NamedJournal
from casty_cli.terminal import moment, print_json, printable, progress, say
from casty_cli.values import Stored, Values

SHOWN: Final = 100
"""Default limit of `show`."""


async def list_ids(journal: NamedJournal, prefix: str, *, as_json: bool) -> None:
    """Print the ids with this prefix of all entities that have events, in the order of their bytes."""
    async with journal.to_read() as store:
        async for entity_id in entity_ids(store, prefix):
            if as_json:
                print_json({"entity_id": entity_id})
            else:
                print(printable(entity_id))


async def count_ids(journal: NamedJournal, prefix: str, *, as_json: bool) -> None:
    """Print the number of these entities."""
    found = 0
    with progress("entities") as report:
        async with journal.to_read() as store:
            async for _ in entity_ids(store, prefix):
                found += 1
                report(found)
    if as_json:
        print_json({"entities": found})
    else:
        print(found)


async def show_entity(
    journal: NamedJournal, entity_id: str, view: "View", *, first: int, last: int | None, limit: int
) -> None:
    """Print at most `limit` events of the entity between two numbers (both inclusive), and its snapshots
    there. Raises `JournalError` for an unknown entity.
    """
    last = LAST_SEQUENCE_NR if last is None else last
    async with journal.to_read_entity() as store:
        shown = await _show_events(store, entity_id, view, first, last, limit)
        async for snapshot in snapshots(store, entity_id, last):
            if snapshot.sequence_nr < first:
                break
            view.print_snapshot(snapshot)
            shown += 1
        highest = await store.highest_sequence_nr(entity_id)
    if not shown and not highest:
        raise JournalError(f"{journal.name} has no entity {entity_id!r}; `ids` lists the entities")
    if not shown:
        say(f"there are no events between these numbers; the entity's last event has number {highest}")


async def _show_events(store: JournalStore, entity_id: str, view: "View", first: int, last: int, limit: int) -> int:
    shown = 0
    async for page in entity_pages(store, entity_id, first, last):
        for record in page:
            if shown == limit:
                say(f"there are more events; continue with --from {record.sequence_nr}, or show more with --limit")
                return shown
            view.print_event(record)
            shown += 1
    return shown


class View:
    """How records are printed: if `raw`, as the stored bytes, undecoded."""

    def __init__(self, values: Values, *, raw: bool, as_json: bool) -> None:
        self._values = values
        self._raw = raw
        self._as_json = as_json

    def print_event(self, record: EventRecord) -> None:
        header: dict[str, object] = record._asdict()
        header |= {"event_id": record.event_id.hex(), "tags": list(record.tags)}
        tags = f"  [{', '.join(map(printable, record.tags))}]" if record.tags else ""
        origin = f"  epoch {record.epoch} of {printable(record.writer)}, id {record.event_id.hex()}"
        self._print("event", record, header, tags + (origin if self._raw else ""))

    def print_snapshot(self, record: Stored) -> None:
        self._print("snapshot", record, record._asdict(), "")

    def _print(self, kind: str, record: Stored, header: dict[str, object], end: str) -> None:
        if self._as_json:
            del header["payload"]
            print_json({kind: header | self._document(record)})
            return
        text = record.payload.hex() if self._raw else str(self._values.describe(record))
        number = f"{record.sequence_nr:>6}" if kind == "event" else f"{kind} at {record.sequence_nr}"
        manifest = f"{printable(record.manifest)} v{record.version}" if record.manifest else "-"
        print(f"{number}  {moment(record.timestamp)}  {manifest}  {text}{end}")

    def _document(self, record: Stored) -> dict[str, object]:
        if self._raw:
            return {"payload": record.payload.hex()}
        described = self._values.describe(record)
        document: dict[str, object] = {"content": described.content}
        if described.value is not None:
            document["value"] = described.value
        if described.problem is not None:
            document["problem"] = described.problem
        return document
