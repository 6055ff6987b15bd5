"""Where the history of one entity is in a stream of changes: as a value, so that a compaction keeps an old one."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from casty_cluster.protocol.replication.stored import StoreEntries, StoreSnapshot


class Run(NamedTuple):
    """Events that follow each other in one segment."""

    first: int
    """The number of the first one. The last one is that before the next run, or the last of the history."""
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Those of one entity. Events that a snapshot has replaced keep theirs: they are there until a compaction."""

    runs: tuple[Run, ...] = ()
    last: int = 0
    """The number of the last event."""
    snapshot: int = 0
    """The number of the event after which there is a state; 0: there is none."""
    state_in: int = -1
    """The segment of the state."""
    state_size: int = 0
    events_size: int = 0
    """Bytes of the events behind the state, about: those of one segment count as equally large when some are gone."""

    @property
    def size(self) -> int:
        """Bytes that a compaction has to keep."""
        return self.state_size + self.events_size

    def with_entries(self, change: StoreEntries, segment: int, size: int) -> "Places":
        runs, events_size = self.runs, self.events_size
        if change.after < self.last:
            runs = runs[: bisect_right(runs, change.after, key=_first)]
            events_size = self._part_behind(self.snapshot, change.after)
        if change.entries:
            events_size += size
            if not runs or runs[-1].segment != segment:
                runs = (*runs, Run(change.after + 1, segment))
        last = change.after + len(change.entries)
        if change.after < self.snapshot:  # it removes the state as well
            return Places(runs=runs, last=last, events_size=events_size)
        return replace(self, runs=runs, last=last, events_size=events_size)

    def with_snapshot(self, change: StoreSnapshot, segment: int, size: int, *, continues: bool) -> "Places":
        """`continues`: the events of the state are those that were there."""
        number = change.lineage[-1][2]
        if not continues:
            return Places(last=number, snapshot=number, state_in=segment, state_size=size)
        events_size = self._part_behind(number, self.last)
        return replace(self, snapshot=number, state_in=segment, state_size=size, events_size=events_size)

    def find(self, number: int) -> Run | None:
        """The run of an event; None: it is not there any more."""
        found = bisect_right(self.runs, number, key=_first)
        return self.runs[found - 1] if found and number <= self.last else None

    def end(self, run: Run) -> int:
        """The number of the last event of a run."""
        following = bisect_right(self.runs, run.first, key=_first)
        return self.runs[following].first - 1 if following < len(self.runs) else self.last

    def live_in(self, segment: int) -> range:
        """The numbers of the events in a segment that no snapshot has replaced."""
        found = bisect_left(self.runs, segment, key=_segment)
        if found == len(self.runs) or self.runs[found].segment != segment:
            return NONE
        run = self.runs[found]
        return range(max(run.first, self.snapshot + 1), self.end(run) + 1)

    def _part_behind(self, first: int, last: int) -> int:
        """The size of the events behind `first` and up to `last`."""
        events = self.last - self.snapshot
        return self.events_size * max(0, last - first) // events if events else 0


NONE: Final = range(0)


def _first(run: Run) -> int:
    return run.first


def _segment(run: Run) -> int:
    return run.segment
