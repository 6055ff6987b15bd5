"""Checks of each entity's history, on which recovery relies."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import final, override

from casty.errors import DecodeError, JournalError
from casty.spi.journal import EventRecord, OrderedStore

from casty_cli.findings import RESTORE, Findings
from casty_cli.paging import LARGEST, entity_pages, snapshots
from casty_cli.terminal import Report
from casty_cli.values import Stored, Values


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for an event that the store cannot read."""

    sequence_nr: int
    error: JournalError


@final
class EntityChecks:
    """Checks one entity after the other, and counts events, snapshots and undecoded values."""

    def __init__(self, store: OrderedStore, values: Values, findings: Findings) -> None:
        self._store = store
        self._values = values
        self._findings = findings
        self.events = 0
        self.snapshots = 0
        self.unknown = Counter[str]()
        """Number of values that were not decoded because their types are not known here."""

    async def check_events(self, entity_id: str, report: Report) -> None:
        """Check that numbers have no gaps (except deleted first events), epochs never fall, and events can be read."""
        last = epoch = 0
        async for part in self._history(entity_id):
            if isinstance(part, Unreadable):
                self._findings.add(entity_id, part.sequence_nr, str(part.error))
                last = part.sequence_nr
                continue
            for record in part:
                number = record.sequence_nr
                if number != last + 1 and await self._is_there(entity_id, last):
                    missing = f"the events from this one to {number - 1} are missing; {RESTORE}"
                    self._findings.add(entity_id, last + 1, missing)
                if 0 < record.epoch < epoch:
                    problem = f"{record.writer} wrote it in epoch {record.epoch}, when epoch {epoch} had begun"
                    self._findings.add(entity_id, number, f"{problem}; see whether it belongs there, or {RESTORE}")
                last, epoch = number, max(epoch, record.epoch)
                self._check_header(record)
                self._check_value(record, "its value")
            self.events += len(part)
            report(self.events)
        highest = await self._store.highest_sequence_nr(entity_id)
        if highest < last:
            problem = f"the journal takes {highest} for the entity's last number, and would give this one again"
            self._findings.add(entity_id, last, f"{problem}; {RESTORE}")

    async def check_snapshots(self, entity_id: str) -> None:
        """Check that a snapshot belongs to a past event and can be read. One that the store skips is a finding."""
        with _warnings() as passed_over:
            async for snapshot in snapshots(self._store, entity_id):
                self.snapshots += 1
                highest = await self._store.highest_sequence_nr(entity_id)
                if snapshot.sequence_nr > highest:
                    problem = f"there is a snapshot of it, but the last event is number {highest}"
                    self._findings.add(entity_id, snapshot.sequence_nr, f"{problem}; {RESTORE}, or delete the snapshot")
                self._check_value(snapshot, "its snapshot")
        for warning in passed_over:
            self._findings.add(entity_id, None, f"{warning}; delete it")

    async def _history(self, entity_id: str) -> AsyncIterator[Sequence[EventRecord] | Unreadable]:
        first = 1
        while True:
            try:
                async for page in entity_pages(self._store, entity_id, first):
                    yield page
                    first = page[-1].sequence_nr + 1
            except JournalError as error:
                unreadable = await self._first_unreadable(entity_id, first)
                async for page in entity_pages(self._store, entity_id, first, unreadable - 1):
                    yield page
                yield Unreadable(unreadable, error)
                first = unreadable + 1
            else:
                return

    async def _first_unreadable(self, entity_id: str, first: int) -> int:
        """The number of the event that makes a page starting with `first` unreadable. Raises
        `JournalError` if the journal does not respond at all.
        """
        last = await self._store.highest_sequence_nr(entity_id)
        reached = first
        while reached < last:
            middle = (reached + last) // 2
            try:
                await self._store.replay(entity_id, first, middle, LARGEST)
            except JournalError:
                last = middle
            else:
                reached = middle + 1
        return reached

    async def _is_there(self, entity_id: str, last: int) -> bool:
        """Whether the history still starts at or before `last`: if not, its first events have been deleted."""
        return bool(await self._store.replay(entity_id, 0, last, 1))

    def _check_header(self, record: EventRecord) -> None:
        problems = {
            "its id is not 16 bytes long": len(record.event_id) != 16,
            "its version is below 1": record.version < 1,
            "its timestamp is not a number": not isfinite(record.timestamp),
        }
        for problem, applies in problems.items():
            if applies:
                self._findings.add(record.entity_id, record.sequence_nr, f"{problem}; {RESTORE}")

    def _check_value(self, record: Stored, what: str) -> None:
        try:
            unknown = self._values.check(record)
        except DecodeError as error:
            kind = f"{record.manifest} v{record.version}" if record.manifest else "a plain value"
            self._findings.add(record.entity_id, record.sequence_nr, f"{what}, {kind}, cannot be decoded: {error}")
        else:
            if unknown is not None:
                self.unknown[unknown] += 1


@contextmanager
def _warnings() -> Generator[list[str]]:
    """Collects the warnings logged while the block runs."""
    texts: list[str] = []

    class Collector(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    collector = Collector(logging.WARNING)
    logging.getLogger().addHandler(collector)
    try:
        yield texts
    finally:
        logging.getLogger().removeHandler(collector)
