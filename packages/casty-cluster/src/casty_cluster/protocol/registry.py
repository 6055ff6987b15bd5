"""Who can be found where: each node says what it has itself, and knows what the others have said.

Theory of operation. A node owns its own entries; nobody else changes them. Every change goes to every member over its
system link, numbered and in order, and a member that is new gets all entries of each node from that node. A node that
is no member any more takes its entries with it. So all nodes that can talk to each other have the same listing as soon
as their links are quiet.

Invariants: the entries of another node are those that it has sent, in its order; only members have entries.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from casty.member import NodeId

from casty_cluster.wire.system import Changed, Entry

MAX_ENTRIES: Final = 10_000
"""Of one node: what another one says is bounded here, too."""
MAX_BYTES: Final = 32 * 1024
"""Of the entries that go in one message, which has to fit into a frame."""
MAX_ENTRY: Final = 4 * 1024
"""Bytes of a key and an address."""


@dataclass(frozen=True, slots=True)
class SendChange:
    """To be sent over the link to that node."""

    to: NodeId
    change: Changed


@dataclass(frozen=True, slots=True)
class ListingChanged:
    """Whoever is interested in the key is to be told."""

    key: str


type Effect = SendChange | ListingChanged


class Entries:
    """What one node has, by key, so that nothing costs a look at what is under other keys."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[str, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        return (Entry(key, address) for key, addresses in self._by_key.items() for address in addresses)

    def __contains__(self, entry: Entry) -> bool:
        return entry.address in self._by_key.get(entry.key, ())

    def under(self, key: str) -> Iterable[str]:
        """The addresses with that key."""
        return self._by_key.get(key, ())

    def keys(self) -> list[str]:
        return list(self._by_key)

    def add(self, entry: Entry) -> None:
        if entry not in self:
            self._by_key.setdefault(entry.key, {})[entry.address] = None
            self._count += 1

    def remove(self, entry: Entry) -> bool:
        """Whether it was there."""
        if entry not in self:
            return False
        del self._by_key[entry.key][entry.address]
        if not self._by_key[entry.key]:
            del self._by_key[entry.key]
        self._count -= 1
        return True


class Registry:
    """The receptionist's memory on one node."""

    def __init__(self, local: NodeId) -> None:
        self.local = local
        self._entries: dict[NodeId, Entries] = {local: Entries()}
        self._members: tuple[NodeId, ...] = ()

    def check_room(self, key: str, address: str, coming: int = 0) -> None:
        """Raises ValueError where this node has as many entries as it may have, with those that are still to be added,
        or the entry is too large.
        """
        entry = Entry(key, address)
        size, own = entry.size, self._entries[self.local]
        if entry in own:
            return
        if size > MAX_ENTRY:
            raise ValueError(f"the key and the address {address[:80]} have {size} bytes; at most {MAX_ENTRY} travel")
        if len(own) + coming >= MAX_ENTRIES:
            raise ValueError(
                f"{MAX_ENTRIES} actors of this node can be found already, which is the most there may be; let one of "
                "them stand for several"
            )

    def add(self, key: str, address: str) -> list[Effect]:
        """Raises ValueError as `check_room` does."""
        entry = Entry(key, address)
        own = self._entries[self.local]
        if entry in own:
            return []
        self.check_room(key, address)
        own.add(entry)
        return [ListingChanged(key), *self._tell_all(Changed((entry,), ()))]

    def remove(self, key: str, address: str) -> list[Effect]:
        entry = Entry(key, address)
        if not self._entries[self.local].remove(entry):
            return []
        return [ListingChanged(key), *self._tell_all(Changed((), (entry,)))]

    def changed(self, node: NodeId, change: Changed) -> list[Effect]:
        """A member says what has become of its entries."""
        entries = self._entries.setdefault(node, Entries())
        for entry in change.removed:
            entries.remove(entry)
        for entry in change.added[: MAX_ENTRIES - len(entries)]:
            entries.add(entry)
        return _listings(entry.key for entry in (*change.added, *change.removed))

    def members(self, others: Collection[NodeId]) -> list[Effect]:
        """These are the other members now."""
        known, self._members = self._members, tuple(others)
        effects: list[Effect] = []
        own = self._entries[self.local]
        for newcomer in (node for node in self._members if node not in known):
            effects += [SendChange(newcomer, Changed(portion, ())) for portion in _portions(own)]
        for node in [node for node in self._entries if node != self.local and node in known]:
            if node not in self._members:
                effects += _listings(self._entries.pop(node).keys())
        return effects

    def find(self, key: str) -> list[tuple[NodeId, str]]:
        """Where actors with that key are, those of this node first, then by node."""
        nodes = [self.local, *sorted(node for node in self._entries if node != self.local)]
        return [(node, address) for node in nodes for address in self._entries[node].under(key)]

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert self.local in self._entries, "a node without entries of its own"
        assert all(len(entries) <= MAX_ENTRIES for entries in self._entries.values()), "too many entries"

    def _tell_all(self, change: Changed) -> list[Effect]:
        return [SendChange(node, change) for node in self._members]


def _portions(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    """As many at a time as fit into a message."""
    portion, size = list[Entry](), 0
    for entry in entries:
        if size + entry.size > MAX_BYTES:
            yield tuple(portion)
            portion, size = [], 0
        portion.append(entry)
        size += entry.size
    if portion:
        yield tuple(portion)


def _listings(keys: Iterable[str]) -> list[Effect]:
    return [ListingChanged(key) for key in dict.fromkeys(keys)]
