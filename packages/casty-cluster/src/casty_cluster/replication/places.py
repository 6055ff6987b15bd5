"""Where the history of one entity is in a stream of changes."""

from bisect import bisect_left, bisect_right
from typing import Final, NamedTuple

from casty_cluster.protocol.replication.stored import StoreEntries, StoreSnapshot


class Run(NamedTuple):
    """Events that follow each other in one segment."""

    first: int
    """The number of the first one. The last one is that before the next run, or the last of the history."""
    segment: int


class Places:
    """Those of one entity. Events that a snapshot has replaced keep theirs: they are there until a compaction."""

    __slots__ = ("_runs", "events_size", "last", "snapshot", "state_in", "state_size")

    def __init__(self) -> None:
        self.last = 0
        """The number of the last event."""
        self.snapshot = 0
        """The number of the event after which there is a state; 0: there is none."""
        self.state_in = -1
        """The segment of the state."""
        self.state_size = 0
        self.events_size = 0
        """Bytes of the events behind the state, about: where some are gone, all count as equally large."""
        self._runs: list[Run] = []

    def copy(self) -> "Places":
        other = Places()
        other.last, other.snapshot, other.state_in = self.last, self.snapshot, self.state_in
        other.state_size, other.events_size, other._runs = self.state_size, self.events_size, [*self._runs]
        return other

    @property
    def size(self) -> int:
        """Bytes that a compaction has to keep."""
        return self.state_size + self.events_size

    def add_entries(self, change: StoreEntries, segment: int, size: int) -> None:
        if change.after < self.last:
            self._cut(change.after)
        if change.entries:
            self.events_size += size
            if not self._runs or self._runs[-1].segment != segment:
                self._runs.append(Run(change.after + 1, segment))
            self.last += len(change.entries)

    def add_snapshot(self, change: StoreSnapshot, segment: int, size: int, *, continues: bool) -> None:
        """`continues`: the events of the state are those that were there."""
        number = change.lineage[-1][2]
        if continues:
            self.events_size = self._size_of(number, self.last)
        else:
            self._runs.clear()
            self.last, self.events_size = number, 0
        self.snapshot, self.state_in, self.state_size = number, segment, size

    def _cut(self, last: int) -> None:
        """Remove the events behind that one, and the state with the first of those that it has replaced."""
        self.events_size = self._size_of(self.snapshot, last)
        if last < self.snapshot:
            self.snapshot, self.state_in, self.state_size = 0, -1, 0
        del self._runs[bisect_right(self._runs, last, key=_first) :]
        self.last = last

    def find(self, number: int) -> Run | None:
        """The run of an event; None: it is not there any more."""
        found = bisect_right(self._runs, number, key=_first)
        return self._runs[found - 1] if found and number <= self.last else None

    def end(self, run: Run) -> int:
        """The number of the last event of a run."""
        following = bisect_right(self._runs, run.first, key=_first)
        return self._runs[following].first - 1 if following < len(self._runs) else self.last

    def live_in(self, segment: int) -> range:
        """The numbers of the events in a segment that no snapshot has replaced."""
        found = bisect_left(self._runs, segment, key=_segment)
        if found == len(self._runs) or self._runs[found].segment != segment:
            return NONE
        run = self._runs[found]
        return range(max(run.first, self.snapshot + 1), self.end(run) + 1)

    def _size_of(self, first: int, last: int) -> int:
        """Bytes of the events behind `first` and up to `last`."""
        events = self.last - self.snapshot
        return self.events_size * max(0, last - first) // events if events else 0


NONE: Final = range(0)


def _first(run: Run) -> int:
    return run.first


def _segment(run: Run) -> int:
    return run.segment
