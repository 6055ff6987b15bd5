"""What an observer of the whole cluster knows: which events were written, stored and committed, and by which primary.

The invariants, by the names under which a broken one is reported:

- R1: no committed event is lost: each later primary has it, from the moment on at which it is active.
- R2: there is one history: two events of one number are never both committed.
- R3: an epoch has at most one primary, of one life of one node.
- R4: what is committed is stored: on the disks of 1 + `min_acks` copies of the view.
- R5: histories that hold events of one position are equal up to it.
- R6: without further faults, and with enough copies, the shard becomes available, and all its copies alike.
- R7: a read shows all events that were committed before it, by whichever primary, and only committed ones.
- R8: no copy drops a committed event, as long as no operator has accepted a loss.
- R9: an active view is stored by so many copies of each group before it that later promises meet it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from casty_cluster.protocol.replication.quorum import decides
from casty_cluster.protocol.replication.stored import StoreEntries
from casty_cluster.wire.replication import START, CopyId, Entry, Epoch, Position, View


class Committed(NamedTuple):
    """An event that the exploration may not lose, and the first epoch that has committed it."""

    payload: bytes
    epoch: Epoch


class Ledger:
    """Raises AssertionError where an invariant is broken."""

    def __init__(self) -> None:
        self.committed: dict[tuple[str, int], Committed] = {}
        self.acts: dict[Epoch, tuple[int, int]] = {}
        """The node and the life that acts at an epoch."""
        self._sealed: dict[Epoch, tuple[View, set[CopyId]]] = {}
        """By epoch: its view as it was sealed, and the copies that have stored it."""
        self._stored: dict[tuple[str, Position], set[CopyId]] = {}
        self._before: dict[tuple[str, Position], tuple[bytes, Position]] = {}

    def stored(self, copy: CopyId, entity: str, after: Position, entries: Sequence[Entry]) -> None:
        """The disk of that copy holds these entries now, behind that position."""
        for number, (epoch, payload) in enumerate(entries, after.sequence_nr + 1):
            position = Position(epoch, number)
            found = self._before.setdefault((entity, position), (payload, after))
            assert found == (payload, after), f"R5: {entity} has two events at {position}: {found}, {payload, after}"
            self._stored.setdefault((entity, position), set()).add(copy)
            after = position

    def activated(self, node: tuple[int, int], view: View, histories: Mapping[str, Sequence[Entry]]) -> None:
        """All that a new primary has found counts as committed: its actors may show it to others."""
        assert self.acts.setdefault(view.epoch, node) == node, f"R3: {view.epoch} is that of {self.acts[view.epoch]}"
        sealed, copies = self._sealed.get(view.epoch, (view, set[CopyId]()))
        for group in (*sealed.former, view.group):
            assert decides(group, copies), f"R9: {view} is active, and only {copies} know it, of {group}"
        for (entity, number), committed in self.committed.items():
            if committed.epoch < view.epoch and view.min_acks:
                history = histories.get(entity, ())
                found = history[number - 1].payload if number <= len(history) else None
                assert found == committed.payload, f"R1: {entity} {number}, {committed}, is {found} at {view}"
        for entity, history in histories.items():
            self.count(view, entity, history)

    def sealed(self, copy: CopyId, view: View) -> None:
        """The disk of that copy knows the view."""
        self._sealed.setdefault(view.epoch, (view, set()))[1].add(copy)

    def count(self, view: View, entity: str, history: Sequence[Entry]) -> None:
        """The events are committed."""
        for number, entry in enumerate(history, 1):
            known = self.committed.setdefault((entity, number), Committed(entry.payload, view.epoch))
            assert known.payload == entry.payload or not view.min_acks, (
                f"R2: {entity} {number} is {entry}, and was {known}"
            )
            copies = self._stored.get((entity, Position(entry.epoch, number)), set())
            stored = len(copies & set(view.copies))
            assert stored > view.min_acks, f"R4: {entity} {number} is only on {copies} of {view}"

    def removed(self, change: StoreEntries, history: Sequence[Entry]) -> None:
        """A disk gives up what it has behind the number that the change names."""
        for number in range(change.after + 1, len(history) + 1):
            known, index = self.committed.get((change.entity, number)), number - change.after - 1
            stays = change.entries[index].payload if index < len(change.entries) else None
            drops = known is not None and history[number - 1].payload == known.payload != stays
            assert not drops, f"R8: a copy drops event {number} of {change.entity}, which is committed"

    def last(self, entity: str) -> int:
        """The last event that is committed."""
        return max((number for name, number in self.committed if name == entity), default=0)

    def read(self, view: View, entity: str, before: int, history: Sequence[Entry]) -> None:
        """A read shows this; `before`: the last event that was committed when it began."""
        if view.min_acks:
            assert len(history) >= before, f"R7: a read of {entity} misses event {before}: {history}, at {view}"
        for number, entry in enumerate(history, 1):
            known = self.committed.get((entity, number))
            assert known is not None, f"R7: a read of {entity} shows event {number}, which is not committed"
            assert known.payload == entry.payload or not view.min_acks, f"R7: {entity} {number} is {entry}, was {known}"


def position_of(entries: Sequence[Entry], number: int) -> Position:
    return Position(entries[number - 1].epoch, number) if number else START
