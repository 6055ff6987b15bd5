"""Writes what a generation of a copy has into the next one, in parts, while changes go on being stored in the old one.

The next generation starts with the contents as they are when the compaction begins: promise, view and starts, then the
states, then the events behind them. All later changes follow as they are, from the old generation's own segments. When
there are no more of them, the two have the same contents, and the next one may follow.
"""

from collections import deque
from collections.abc import Iterator
from typing import final

from casty_cluster.protocol.replication.stored import (
    Change,
    Contents,
    StoreConfirmation,
    StoreEntries,
    StoreLives,
    StorePromise,
    StoreView,
)
from casty_cluster.replication.generation import Generation
from casty_cluster.replication.records import Record
from casty_cluster.replication.segments import Segment, size_of
from casty_cluster.wire.replication import BEFORE


@final
class Compaction:
    """See the module. Nothing is appended to `old` during a step."""

    def __init__(self, old: Generation, new: Generation) -> None:
        """`new` is empty, and nothing else writes to it."""
        self.new = new
        self._old = old
        self._places = old.freeze()
        self._segment, self._used = old.segment, old.used
        """Up to where the old generation has been copied, once the contents have."""
        self._first = [*_beside_histories(old.contents)]
        self._of_states = deque(sorted({of.state_in for of in self._places.values() if of.snapshot}))
        """Segments with states that are still to be copied."""
        self._of_events = deque(range(old.segment + 1))
        """Segments whose events are."""

    @property
    def is_in_step(self) -> bool:
        """Whether the next generation has all that the old one has."""
        done = not self._first and not self._of_states and not self._of_events
        return done and (self._segment, self._used) == (self._old.segment, self._old.used)

    async def step(self) -> int:
        """Copy the next part, of one segment. Returns how many bytes there were to look at. Raises what the journal
        raises; then the next generation is of no use any more.
        """
        if self._first:
            records, seen, self._first = self._first, 0, []
        elif self._of_states:
            found = await self._load(self._of_states[0])
            records, seen = self._states(found, self._of_states.popleft()), _size(found)
        elif self._of_events:
            found = await self._load(self._of_events[0])
            records, seen = self._events(found, self._of_events.popleft()), _size(found)
        else:
            records = await self._later()
            seen = _size(records)
        await self.new.append(records)
        return seen

    async def _load(self, segment: int) -> list[Record]:
        """The records of a segment from before the compaction."""
        records = await self._old.load(segment)
        return records[: self._used] if segment == self._segment else records

    def _states(self, found: list[Record], segment: int) -> list[Record]:
        """Those that no later one has replaced."""
        states = Segment(found).states
        return [state for entity, state in states.items() if self._places[entity].state_in == segment]

    def _events(self, found: list[Record], segment: int) -> list[Record]:
        """Those that no later change has replaced."""
        changes: list[Record] = []
        for entity, events in Segment(found).events.items():
            if live := self._places[entity].live_in(segment):
                changes.append(StoreEntries(entity, live.start - 1, tuple(events[number] for number in live)))
        return changes

    async def _later(self) -> list[Record]:
        """The next changes from after the beginning, as they are."""
        records = (await self._old.load(self._segment))[self._used :]
        if self._segment < self._old.segment:
            self._segment, self._used = self._segment + 1, 0
        else:
            self._used += len(records)
        return records


def _beside_histories(contents: Contents) -> Iterator[Change]:
    yield StorePromise(contents.promised)
    if contents.confirmed != BEFORE:
        yield StoreConfirmation(contents.confirmed)
    if contents.view is not None:
        yield StoreView(contents.view)
    if contents.lives.known:
        yield StoreLives(contents.lives.known)


def _size(records: list[Record]) -> int:
    return sum(map(size_of, records))
