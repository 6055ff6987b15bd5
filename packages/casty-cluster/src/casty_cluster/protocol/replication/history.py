"""Which primary has written each event of an entity: what copies compare, without the events themselves."""

from bisect import bisect_left, bisect_right
from itertools import pairwise

from casty_cluster.wire.replication import BEFORE, START, Epoch, Lineage, Position


class History:
    """The epochs of one entity's events, as runs: one for each primary that has written any.

    Epochs never fall from event to event, as each primary continues what it has found. The epochs of events that are
    kept as the state after them stay known, so a snapshot changes no comparison.
    """

    __slots__ = ("_epochs", "_firsts", "last", "snapshot")

    def __init__(self) -> None:
        self.last = 0
        """The number of the last event."""
        self.snapshot = 0
        """The last of the events that are kept as the state after them."""
        self._epochs: list[Epoch] = []
        self._firsts: list[int] = []

    def copy(self) -> "History":
        other = History()
        other.last, other.snapshot = self.last, self.snapshot
        other._epochs, other._firsts = [*self._epochs], [*self._firsts]
        return other

    @property
    def position(self) -> Position:
        """That of the last event."""
        return Position(self._epochs[-1], self.last) if self._epochs else START

    def at(self, sequence_nr: int) -> Position:
        """That of an event which is there."""
        run = bisect_right(self._firsts, sequence_nr) - 1
        return Position(BEFORE if run < 0 else self._epochs[run], sequence_nr)

    def has(self, position: Position) -> bool:
        """Whether the event of that position is there: then all events before it are the same as well."""
        return position.sequence_nr <= self.last and self.at(position.sequence_nr) == position

    def append(self, epoch: Epoch) -> None:
        self.last += 1
        if not self._epochs or self._epochs[-1] != epoch:
            self._firsts.append(self.last)
            self._epochs.append(epoch)

    def lineage(self, last: int) -> Lineage:
        """That of the events up to one that is there."""
        runs = bisect_right(self._firsts, last)
        ends = [*(first - 1 for first in self._firsts[1:runs]), last]
        return tuple(
            (epoch.counter, epoch.coordinator, end) for epoch, end in zip(self._epochs[:runs], ends, strict=True)
        )

    def install(self, lineage: Lineage) -> None:
        """Keep a snapshot of the events of that lineage, which replaces another history."""
        end = end_of(lineage)
        if not self.has(end):
            self.last = end.sequence_nr
            self._epochs = [Epoch(counter, coordinator) for counter, coordinator, _ in lineage]
            self._firsts = [1, *(last + 1 for _, _, last in lineage[:-1])]
        self.snapshot = end.sequence_nr

    def cut(self, last: int) -> None:
        """Remove all events behind that one, which is not below the snapshot, or is 0."""
        self.snapshot = min(self.snapshot, last)
        self.last = min(self.last, last)
        while self._firsts and self._firsts[-1] > self.last:
            self._firsts.pop()
            self._epochs.pop()

    def before(self, epoch: Epoch) -> int:
        """The last event from before that epoch."""
        return self._end(bisect_left(self._epochs, epoch))

    def shared(self, position: Position) -> int:
        """The last event that a history which ends at that position may have in common with this one."""
        return min(position.sequence_nr, self._end(bisect_right(self._epochs, position.epoch)))

    def _end(self, runs: int) -> int:
        """The last event of the first runs."""
        return self.last if runs == len(self._firsts) else self._firsts[runs] - 1

    def validate(self) -> None:
        assert all(one < other for one, other in pairwise(self._epochs)), f"epochs fall: {self._epochs}"
        assert all(one < other for one, other in pairwise(self._firsts)), f"runs overlap: {self._firsts}"
        assert self._firsts[:1] == ([1] if self.last else []), f"the first event is missing: {self._firsts}"
        assert not self._firsts or self._firsts[-1] <= self.last, f"a run behind the last event, {self.last}"
        assert self.snapshot <= self.last, f"a snapshot of events behind the last one, {self.snapshot}"


def end_of(lineage: Lineage) -> Position:
    """The last event."""
    counter, coordinator, last = lineage[-1]
    return Position(Epoch(counter, coordinator), last)
