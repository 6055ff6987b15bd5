"""One generation of a copy's stream in its journal: changes, one behind the other, in segments.

A change is an event of the journal: a promise, a view, a state, or events of an entity together with the number behind
which they replace what was there. Reading all changes in order gives the copy's contents. Each segment is an entity of
the journal: it is read as a whole, and events in the middle of a long history are found without reading all.

When another generation has followed, the last record of this one says so (`Continued`). The record takes the number
that a writer which does not know of it would give to its next change, and so the journal refuses that change.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Final, final

from casty.errors import JournalError
from casty.spi.event_journal import EventJournal, PersistedEvent

from casty_cluster.protocol.replication.history import History, end_of
from casty_cluster.protocol.replication.stored import Contents, StoreEntries, StoreSnapshot
from casty_cluster.replication.places import Places
from casty_cluster.replication.records import Continued, Record, from_record, to_record
from casty_cluster.replication.segments import Segment, SegmentCache, size_of
from casty_cluster.wire.replication import Entry, Fetch, Fetched, FetchedSnapshot, Position, to_runs

SEGMENT: Final = 256
"""Changes in one segment."""
SEGMENT_BYTES: Final = 256 * 1024
"""Bytes after which a segment takes no more changes, whatever their number."""
CHUNK: Final = 32 * 1024
"""Bytes of events that are read at once, unless the first one is larger."""


@final
class Generation:
    """See the module. Its methods are called one at a time; once `append` has raised, none of them is any more."""

    def __init__(
        self, journal: EventJournal, name: str, number: int, wall_time: Callable[[], float], cache: SegmentCache
    ) -> None:
        """`name`: that of the copy. The first generation has number 0."""
        self.number = number
        self.contents = Contents()
        self.places: dict[str, Places] = {}
        """By entity."""
        self.size = 0
        """Bytes of all changes, about."""
        self.live = 0
        """Bytes of those states and events that are part of the contents, about."""
        self.following: int | None = None
        """The generation that has followed this one."""
        self.segment = 0
        """The one that takes the next change."""
        self.used = 0
        """Changes in it."""
        self._used_bytes = 0
        self._frozen: Mapping[str, Places] = {}
        """Places that stay as they are: changes go to copies of them."""
        self._cache = cache
        self._key = object()
        """Of this object alone: what another one has read may lack what was stored since."""
        self._journal = journal
        self._name = name
        self._wall_time = wall_time

    @property
    def is_empty(self) -> bool:
        return not self.size

    async def open(self) -> None:
        """Read all changes, up to an empty segment: other versions may have ended segments elsewhere. Raises what the
        journal raises, and `JournalError` where changes are missing.
        """
        segment = 0
        while records := await self.load(segment):
            self.segment, self.used, self._used_bytes = segment, 0, 0
            for record in records:
                self._enter(record, size_of(record))
            segment += 1
        self._end_segment_if_full()

    async def append(self, records: Sequence[Record]) -> None:
        """Store records behind those that are there. Where it raises, any number of the first ones may be stored."""
        sizes = [size_of(record) for record in records]
        first = 0
        while first < len(records):
            part = range(first, first + self._fitting(sizes[first : first + SEGMENT]))
            now = self._wall_time()
            numbered = enumerate(part, self.used + 1)
            events = [PersistedEvent(number, to_record(records[index]), now) for number, index in numbered]
            await self._journal.persist(self.segment_id(self.segment), events)
            for index in part:
                self._enter(records[index], sizes[index])
                self._cache.add((self._key, self.segment), records[index])
            self._end_segment_if_full()
            first = part.stop

    def freeze(self) -> Mapping[str, Places]:
        """The places of all entities as they are now. They stay so until the next call."""
        self._frozen = dict(self.places)
        return self._frozen

    async def read(self, fetch: Fetch) -> Fetched | FetchedSnapshot:
        """Return the next events of an entity, as many as are at hand and a chunk may hold, or their state."""
        history = self._history(fetch.entity)
        if fetch.after < history.snapshot:
            return await self._read_snapshot(fetch, history.at(fetch.after))
        return await self.read_events(fetch)

    async def read_events(self, fetch: Fetch) -> Fetched:
        """Return the next events of an entity, also those that a snapshot has replaced, as long as they are there.
        Raises `JournalError` where they are not any more.
        """
        history = self._history(fetch.entity)
        after = min(fetch.after, history.last)
        entries: list[Entry] = []
        if after < history.last:
            places = self.places[fetch.entity]
            run = places.find(after + 1)
            if run is None:
                raise JournalError(
                    f"event {after + 1} of {fetch.entity!r} is not kept any more: the state after event "
                    f"{history.snapshot} has replaced it"
                )
            end = places.end(run)
            events = (await self._segment(run.segment)).events[fetch.entity]
            entries = _chunk([events[number] for number in range(after + 1, end + 1)])
        return Fetched(epoch=fetch.epoch, entity=fetch.entity, previous=history.at(after), runs=to_runs(entries))

    async def load(self, segment: int) -> list[Record]:
        """All records of a segment. Raises what the journal raises, and `JournalError` where any is missing."""
        events = await self._journal.load(self.segment_id(segment))
        numbers = [event.sequence_nr for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], enumerate(numbers, 1)))
            raise JournalError(
                f"copy {self._name!r} is incomplete: its journal has {len(numbers)} changes of segment {segment}, of "
                f"which the first {known} are in order; restore the journal, or wipe the copy: others catch it up"
            )
        return [from_record(event.event) for event in events]

    async def has(self, segment: int) -> bool:
        """Whether there is any record in a segment, also of a generation that is not open."""
        return bool(await self._journal.load(self.segment_id(segment)))

    def segment_id(self, segment: int) -> str:
        return f"{self._name}/{self.number}/{segment}" if self.number else f"{self._name}/{segment}"

    async def _segment(self, number: int) -> Segment:
        key = self._key, number
        segment = self._cache.get(key)
        if segment is None:
            segment = Segment(await self.load(number))
            self._cache.put(key, segment)
        return segment

    async def _read_snapshot(self, fetch: Fetch, previous: Position) -> FetchedSnapshot:
        newest = (await self._segment(self.places[fetch.entity].state_in)).states[fetch.entity]
        return FetchedSnapshot(
            epoch=fetch.epoch, entity=fetch.entity, previous=previous, lineage=newest.lineage, state=newest.state
        )

    def _history(self, entity: str) -> History:
        return self.contents.histories.get(entity) or History()

    def _enter(self, record: Record, size: int) -> None:
        if isinstance(record, Continued):
            self.following = record.generation
        else:
            if isinstance(record, StoreEntries | StoreSnapshot):
                self._place(record, size)
            self.contents.apply(record)
        self.used += 1
        self.size += size
        self._used_bytes += size

    def _place(self, change: StoreEntries | StoreSnapshot, size: int) -> None:
        """Note where the change is: it is not applied yet."""
        places = self.places.get(change.entity)
        if places is None or self._frozen.get(change.entity) is places:
            places = self.places[change.entity] = Places() if places is None else places.copy()
        self.live -= places.size
        if isinstance(change, StoreEntries):
            places.add_entries(change, self.segment, size)
        else:
            continues = self._history(change.entity).has(end_of(change.lineage))
            places.add_snapshot(change, self.segment, size, continues=continues)
        self.live += places.size

    def _fitting(self, sizes: Sequence[int]) -> int:
        """How many records of these sizes the segment takes."""
        size = self._used_bytes
        for count, of_one in enumerate(sizes[: SEGMENT - self.used], 1):
            size += of_one
            if size >= SEGMENT_BYTES:
                return count
        return min(len(sizes), SEGMENT - self.used)

    def _end_segment_if_full(self) -> None:
        if self.used >= SEGMENT or self._used_bytes >= SEGMENT_BYTES:
            self.segment += 1
            self.used = self._used_bytes = 0


def _chunk(entries: Sequence[Entry]) -> list[Entry]:
    size, chunk = 0, list[Entry]()
    for entry in entries:
        size += len(entry.payload)
        if chunk and size > CHUNK:
            break
        chunk.append(entry)
    return chunk
