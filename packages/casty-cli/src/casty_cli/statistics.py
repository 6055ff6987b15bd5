"""`stats`: counts of a journal's contents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from casty.spi.journal import OrderedEvent

from casty_cli.paging import entity_ids, ordered_pages
from casty_cli.settings import NamedJournal
from casty_cli.terminal import moment, print_json, printable, progress

KINDS: Final = 10_000
"""Number of manifests, and of tags, that are counted individually; later ones are counted together."""

OTHERS: Final = "(others)"

SHOWN: Final = 20
"""Lines of each table."""


@dataclass(slots=True, kw_only=True)
class Statistics:
    """The counts."""

    events: int = 0
    entities: int = 0
    payload_bytes: int = 0
    highest_offset: int = 0
    first_timestamp: float | None = None
    """Timestamp of the first stored event, in seconds since the Unix epoch, by its writer's clock."""
    last_timestamp: float | None = None
    manifests: Counter[str] = field(default_factory=Counter[str])
    tags: Counter[str] = field(default_factory=Counter[str])

    def document(self) -> Mapping[str, object]:
        counters = {"manifests": dict(self.manifests), "tags": dict(self.tags)}
        return {field.name: getattr(self, field.name) for field in fields(self)} | counters

    def add(self, entry: OrderedEvent) -> None:
        """Count the next event in stored order."""
        record = entry.record
        if not self.events:
            self.first_timestamp = record.timestamp
        self.last_timestamp = record.timestamp
        self.events += 1
        self.payload_bytes += len(record.payload)
        self.highest_offset = entry.offset
        _count(self.manifests, [f"{record.manifest} v{record.version}" if record.manifest else "(plain values)"])
        _count(self.tags, record.tags)


async def show_statistics(journal: NamedJournal, *, as_json: bool) -> None:
    """Read all events, and print the counts."""
    counted = Statistics()
    async with journal.to_read() as store:
        with progress("events", await store.highest_offset()) as report:
            async for page in ordered_pages(store):
                for entry in page:
                    counted.add(entry)
                report(counted.highest_offset)
        with progress("entities") as report:
            async for _ in entity_ids(store):
                counted.entities += 1
                report(counted.entities)
    if as_json:
        print_json(counted.document())
    else:
        print("\n".join(_lines(counted)))


def _lines(counted: Statistics) -> Iterable[str]:
    yield f"events            {counted.events:,}"
    yield f"entities          {counted.entities:,}"
    yield f"bytes of payload  {counted.payload_bytes:,}"
    yield f"highest offset    {counted.highest_offset:,}"
    if counted.first_timestamp is not None and counted.last_timestamp is not None:
        yield f"first event       {moment(counted.first_timestamp)}"
        yield f"last event        {moment(counted.last_timestamp)}"
    for title, counter in (("manifest", counted.manifests), ("tag", counted.tags)):
        if counter:
            yield ""
            yield f"{'events':>12}  {title}"
            yield from (f"{events:>12,}  {printable(name)}" for name, events in counter.most_common(SHOWN))
            if len(counter) > SHOWN:
                yield f"{'':>12}  and {len(counter) - SHOWN:,} more; --json shows up to {KINDS:,}"


def _count(counter: Counter[str], names: Iterable[str]) -> None:
    for name in names:
        counter[name if name in counter or len(counter) < KINDS else OTHERS] += 1
