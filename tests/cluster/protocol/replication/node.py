"""A node of the exploration: its disk, the machine of its copy, and what it has asked its disk for."""

from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy

from casty_cluster.protocol.replication.effects import Load, Store
from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.member import Member
from casty_cluster.protocol.replication.stored import Change, Contents, StoreEntries, StoreSnapshot
from casty_cluster.wire.replication import START, CopyId, Entry, Epoch, Fetch, Fetched, FetchedSnapshot, to_runs

CHUNK = 2
"""Entries that one `Fetched` holds."""


class Disk:
    """What is durable of one copy, or will be when all that it was asked for is stored."""

    def __init__(self) -> None:
        self.contents = Contents()
        self.entries: dict[str, list[Entry]] = {}
        """All events, also those that only a snapshot holds: it is a list of what is in them."""

    def apply(self, change: Change) -> None:
        snapshots = {entity: history.snapshot for entity, history in self.contents.histories.items()}
        self.contents.apply(change)
        if isinstance(change, StoreEntries):
            after, last = change.after, len(self.entries.get(change.entity, ()))
            assert after <= last, f"R5: a gap in {change.entity}: {change}, behind {last}"
            assert not 0 < after < snapshots.get(change.entity, 0), f"R5: {change} needs events that are not kept"
        if isinstance(change, StoreEntries | StoreSnapshot):
            self.entries[change.entity] = changed(self.entries.get(change.entity, []), change)

    def read(self, fetch: Fetch) -> Fetched | FetchedSnapshot:
        history = self.contents.histories.get(fetch.entity) or History()
        after = min(fetch.after, history.last)
        entries, previous = self.entries.get(fetch.entity, []), history.at(after) if after else START
        if after < history.snapshot:
            return FetchedSnapshot(
                epoch=fetch.epoch,
                entity=fetch.entity,
                previous=previous,
                lineage=history.lineage(history.snapshot),
                state=state_after(entries[: history.snapshot]),
            )
        runs = to_runs(entries[after : after + CHUNK])
        return Fetched(epoch=fetch.epoch, entity=fetch.entity, previous=previous, runs=runs)


def changed(entries: list[Entry], change: StoreEntries | StoreSnapshot) -> list[Entry]:
    """The events of an entity after the change."""
    if isinstance(change, StoreEntries):
        return [*entries[: change.after], *change.entries]
    installed = entries_in(change)
    return entries if entries[: len(installed)] == installed else installed


def state_after(entries: Sequence[Entry]) -> bytes:
    return b" ".join(entry.payload for entry in entries)


def entries_in(snapshot: StoreSnapshot) -> list[Entry]:
    """The events that have made the state."""
    ends = [0, *(last for _, _, last in snapshot.lineage)]
    epochs = [
        Epoch(counter, coordinator)
        for (counter, coordinator, last), before in zip(snapshot.lineage, ends, strict=False)
        for _ in range(last - before)
    ]
    return [Entry(epoch, payload) for epoch, payload in zip(epochs, snapshot.state.split(b" "), strict=True)]


class Node:
    """A node runs while it has a member."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.lives = -1
        """How often the node has started, and how often its disk was wiped: together, what a machine's life is."""
        self.wipes = 0
        self.backups: list[Disk] = []
        """The disk as it was at the end of earlier lives."""
        self.is_old = False
        """Whether the disk is one of those."""
        self.disk = Disk()
        self.queue: deque[Store | Load] = deque()
        """What the disk has been asked for."""
        self.member: Member | None = None

    @property
    def copy(self) -> CopyId:
        return f"{'ABCDEFGH'[self.index]}{self.wipes or ''}"

    def start(self) -> None:
        self.lives += 1
        self.member = Member(self.copy, deepcopy(self.disk.contents), self.lives)

    def stop(self) -> None:
        self.member = None
        self.backups.append(deepcopy(self.disk))
        self.queue.clear()

    def wipe(self) -> None:
        self.wipes += 1
        self.is_old = False
        self.disk = Disk()
        self.backups.clear()

    @property
    def starts(self) -> int:
        """How many the disk knows of."""
        return self.disk.contents.lives[self.copy].starts

    def foreseen(self) -> dict[str, list[Entry]]:
        """The events of each entity, once all that was asked for is stored."""
        entries = dict(self.disk.entries)
        for change in self.changes():
            if isinstance(change, StoreEntries | StoreSnapshot):
                entries[change.entity] = changed(entries.get(change.entity, []), change)
        return entries

    def changes(self) -> Iterator[Change]:
        return (asked.change for asked in self.queue if isinstance(asked, Store))
