"""A node of the exploration: its disk, the machine of its copy, and what it has asked its disk for."""

from collections import deque
from collections.abc import Iterator
from copy import deepcopy

from casty_cluster.protocol.replication.effects import Load, Store
from casty_cluster.protocol.replication.history import History
from casty_cluster.protocol.replication.member import Member
from casty_cluster.protocol.replication.stored import Change, Contents, StoreEntries
from casty_cluster.wire.replication import START, CopyId, Entry, Fetch, Fetched, to_runs

CHUNK = 2
"""Entries that one `Fetched` holds."""


class Disk:
    """What is durable of one copy, or will be when all that it was asked for is stored."""

    def __init__(self) -> None:
        self.contents = Contents()
        self.entries: dict[str, list[Entry]] = {}

    def apply(self, change: Change) -> None:
        self.contents.apply(change)
        if isinstance(change, StoreEntries):
            entries = self.entries.setdefault(change.entity, [])
            assert change.after <= len(entries), f"R5: a gap in {change.entity}: {change}, behind {len(entries)}"
            entries[change.after :] = change.entries

    def read(self, fetch: Fetch) -> Fetched:
        history = self.contents.histories.get(fetch.entity) or History()
        after = min(fetch.after, history.last)
        entries = tuple(self.entries.get(fetch.entity, ())[after : after + CHUNK])
        previous = history.at(after) if after else START
        return Fetched(epoch=fetch.epoch, entity=fetch.entity, previous=previous, runs=to_runs(entries))


class Node:
    """A node runs while it has a member."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.lives = -1
        """How often the node has started, and how often its disk was wiped: together, what a machine's life is."""
        self.wipes = 0
        self.disk = Disk()
        self.queue: deque[Store | Load] = deque()
        """What the disk has been asked for."""
        self.member: Member | None = None

    @property
    def copy(self) -> CopyId:
        return f"{'ABCDEFGH'[self.index]}{self.wipes or ''}"

    def start(self) -> None:
        self.lives += 1
        self.member = Member(self.copy, deepcopy(self.disk.contents))

    def stop(self) -> None:
        self.member = None
        self.queue.clear()

    def wipe(self) -> None:
        self.wipes += 1
        self.disk = Disk()

    def foreseen(self) -> dict[str, list[Entry]]:
        """The events of each entity, once all that was asked for is stored."""
        entries = {entity: list(stored) for entity, stored in self.disk.entries.items()}
        for change in self.changes():
            if isinstance(change, StoreEntries):
                entries.setdefault(change.entity, [])[change.after :] = change.entries
        return entries

    def changes(self) -> Iterator[Change]:
        return (asked.change for asked in self.queue if isinstance(asked, Store))
