"""One copy of a shard in a journal: all of its changes, one behind the other, under the copy's own name.

Any journal will do, also one with only the four methods of `EventJournal`. A change is an event: a promise, a view, or
events of an entity together with the number behind which they replace what was there. So nothing is ever removed, and
reading all changes in order gives the copy's contents. They are divided into segments, each of which is an entity of
the journal: a segment is read as a whole, and events in the middle of a long history are found without reading all.

Copies have different names, so those of several nodes may be in one journal object or file and never mix.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import takewhile
from typing import Final, final

from casty.errors import JournalError
from casty.spi.event_journal import EventJournal, PersistedEvent

from casty_cluster.protocol.replication.history import History, end_of
from casty_cluster.protocol.replication.stored import Change, Contents, StoreEntries, StoreSnapshot
from casty_cluster.replication.records import to_change, to_record
from casty_cluster.wire.replication import Entry, Fetch, Fetched, FetchedSnapshot, Position, to_runs

SEGMENT: Final = 256
"""Changes in one segment."""
CHUNK: Final = 32 * 1024
"""Bytes of events that are read at once, unless the first one is larger."""


@final
class CopyStore:
    """See the module. Its methods are called one at a time; after one of them has raised, only `open` may be called."""

    def __init__(self, journal: EventJournal, name: str, wall_time: Callable[[], float]) -> None:
        """`name`: that of the copy, with its region and shard: unique for ever."""
        self._journal = journal
        self._name = name
        self._wall_time = wall_time
        self._clear()

    def _clear(self) -> None:
        self._contents = Contents()
        self._changes = 0
        self._places: dict[str, list[tuple[int, int]]] = {}
        """By entity: from which event on its history is in which segment."""
        self._snapshots: dict[str, int] = {}
        """By entity: the segment of its snapshot."""

    async def open(self) -> Contents:
        """Read all that is stored. Raises what the journal raises, and `JournalError` where changes are missing."""
        self._clear()
        full = True
        while full:
            segment = self._changes // SEGMENT
            changes = await self._load(segment)
            for change in changes:
                self._enter(change)
            full = len(changes) == SEGMENT
        return deepcopy(self._contents)

    async def append(self, changes: Sequence[Change]) -> None:
        """Store changes behind those that are there. Where it raises, any number of the first ones may be stored."""
        rest = list(changes)
        while rest:
            place = self._changes % SEGMENT
            part, rest = rest[: SEGMENT - place], rest[SEGMENT - place :]
            now = self._wall_time()
            events = [PersistedEvent(number, to_record(change), now) for number, change in enumerate(part, place + 1)]
            await self._journal.persist(self._id(self._changes // SEGMENT), events)
            for change in part:
                self._enter(change)

    async def read(self, fetch: Fetch) -> Fetched | FetchedSnapshot:
        """Return the next events of an entity, as many as are at hand and a chunk may hold, or their state."""
        history = self._contents.histories.get(fetch.entity) or History()
        if fetch.after < history.snapshot:
            return await self._read_snapshot(fetch, history.at(fetch.after))
        return await self.read_events(fetch)

    async def read_events(self, fetch: Fetch) -> Fetched:
        """Return the next events of an entity, also those that a snapshot has replaced, as long as they are there.
        Raises `JournalError` where they are not any more.
        """
        history = self._contents.histories.get(fetch.entity) or History()
        after = min(fetch.after, history.last)
        entries: list[Entry] = []
        if after < history.last:
            places = self._places.get(fetch.entity, [])
            if not places or after + 1 < places[0][0]:
                raise JournalError(
                    f"event {after + 1} of {fetch.entity!r} is not kept any more: the state after event "
                    f"{history.snapshot} has replaced it"
                )
            run = bisect_right(places, after + 1, key=lambda place: place[0]) - 1
            end = places[run + 1][0] - 1 if run + 1 < len(places) else history.last
            found = _entries(await self._load(places[run][1]), fetch.entity)
            entries = _chunk([found[number] for number in range(after + 1, end + 1)])
        return Fetched(epoch=fetch.epoch, entity=fetch.entity, previous=history.at(after), runs=to_runs(entries))

    async def _read_snapshot(self, fetch: Fetch, previous: Position) -> FetchedSnapshot:
        changes = await self._load(self._snapshots[fetch.entity])
        of_it = (change for change in reversed(changes) if isinstance(change, StoreSnapshot))
        newest = next(change for change in of_it if change.entity == fetch.entity)
        return FetchedSnapshot(
            epoch=fetch.epoch, entity=fetch.entity, previous=previous, lineage=newest.lineage, state=newest.state
        )

    def _enter(self, change: Change) -> None:
        if isinstance(change, StoreEntries):
            places = self._places.setdefault(change.entity, [])
            while places and places[-1][0] > change.after:
                places.pop()
            segment = self._changes // SEGMENT
            if change.entries and (not places or places[-1][1] != segment):
                places.append((change.after + 1, segment))
        if isinstance(change, StoreSnapshot):
            self._snapshots[change.entity] = self._changes // SEGMENT
            history = self._contents.histories.get(change.entity)
            if history is not None and not history.has(end_of(change.lineage)):
                self._places.pop(change.entity, None)  # of another history
        self._contents.apply(change)
        self._changes += 1

    async def _load(self, segment: int) -> list[Change]:
        events = await self._journal.load(self._id(segment))
        numbers = [event.sequence_nr for event in events]
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) > SEGMENT:
            known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], enumerate(numbers, 1)))
            raise JournalError(
                f"copy {self._name!r} is incomplete: its journal has {len(numbers)} changes of segment {segment}, of "
                f"which the first {known} are in order; restore the journal, or wipe the copy: others catch it up"
            )
        return [to_change(event.event) for event in events]

    def _id(self, segment: int) -> str:
        return f"{self._name}/{segment}"


def _entries(changes: Sequence[Change], entity: str) -> dict[int, Entry]:
    """The events of that entity, by number, that these changes leave."""
    found: dict[int, Entry] = {}
    for change in changes:
        if isinstance(change, StoreEntries) and change.entity == entity:
            found = {number: entry for number, entry in found.items() if number <= change.after}
            found.update(enumerate(change.entries, change.after + 1))
    return found


def _chunk(entries: Sequence[Entry]) -> list[Entry]:
    size, chunk = 0, list[Entry]()
    for entry in entries:
        size += len(entry.payload)
        if chunk and size > CHUNK:
            break
        chunk.append(entry)
    return chunk
