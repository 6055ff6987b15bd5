"""Which members cannot reach which others, as one table that all nodes share.

Theory of operation. The table has a row for each observer: the members that it finds unreachable, and a version. Only
the observer itself writes its row, and adds one to the version when it does. Of two rows of one observer the one with
the higher version is right, so tables can be merged in any order and any number of times. There is one row instead of
an entry for each pair because an observer changes its mind about several nodes at once; it can reach all members that
its row does not name.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from casty.member import NodeId


class Observation(NamedTuple):
    """One observer's row."""

    version: int
    unreachable: frozenset[NodeId]


@dataclass(frozen=True, slots=True)
class Reachability:
    """The rows by observer. An observer that has never found a member unreachable has none."""

    rows: Mapping[NodeId, Observation]

    def row(self, observer: NodeId) -> Observation:
        return self.rows.get(observer, Observation(0, frozenset()))

    def observe(self, observer: NodeId, unreachable: frozenset[NodeId]) -> Self:
        """With that row for `observer`; the same table if that is the row already."""
        version, before = self.row(observer)
        if before == unreachable:
            return self
        return type(self)({**self.rows, observer: Observation(version + 1, unreachable)})

    def merge(self, other: Self) -> Self:
        """The later row of each observer. Rows of one version differ at most by nodes that have been removed from
        one of the two: the caller removes them from the result.
        """
        if self.rows == other.rows:
            return self
        merged = dict(self.rows)
        for observer, theirs in other.rows.items():
            mine = merged.get(observer)
            if mine is None or theirs.version > mine.version:
                merged[observer] = theirs
        return type(self)(merged)

    def without(self, gone: Collection[NodeId]) -> Self:
        """Without the observations by these nodes, and those of them."""
        touched = any(observer in gone or not row.unreachable.isdisjoint(gone) for observer, row in self.rows.items())
        if not touched:
            return self
        return type(self)(
            {
                observer: Observation(row.version, row.unreachable.difference(gone))
                for observer, row in self.rows.items()
                if observer not in gone
            }
        )

    def observations(self, among: Container[NodeId]) -> dict[NodeId, frozenset[NodeId]]:
        """The nodes of `among` that each observer of `among` finds unreachable; without observers that find none."""
        found: dict[NodeId, frozenset[NodeId]] = {}
        for observer, row in self.rows.items():
            if observer in among and row.unreachable:
                subjects = frozenset(subject for subject in row.unreachable if subject in among)
                if subjects:
                    found[observer] = subjects
        return found
