"""The actors that can be found under a key, on every node alike, and the subscribers to notify of changes.

Theory of operation. A node owns its own entries; no other node changes them. It sends every change to every member over
the system link, so changes arrive in order, and sends all of its entries to a new member. The entries of a removed
member go with it. So all nodes that can reach each other have the same listings as soon as their links are quiet.

A change of a key is published to its subscribers at once after a quiet time, and otherwise `COMBINED` seconds after the
last publication, together with all changes in between: many changes in quick succession cost as many steps, and not as
many listings of everything.

Invariants: the entries of another node are those that it has sent; no node has more than `MAX_ENTRIES`; a key without
subscribers is not about to be published.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from casty.member import NodeId

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.wire.portions import portions
from casty_cluster.wire.system import Changed, Entry

MAX_ENTRIES: Final = 10_000
"""Of one node. The bound also limits what another node may send."""
MAX_ENTRY: Final = 4 * 1024
"""Bytes of a key and an address."""
COMBINED: Final = 0.05
"""Seconds between two publications."""


@dataclass(frozen=True, slots=True)
class Add:
    """An actor of this node can be found. `is_reserved`: there is a reservation for it, which ends."""

    key: str
    address: str
    """The actor's URI."""
    is_reserved: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """An actor of this node can no longer be found under the key."""

    key: str
    address: str


@dataclass(frozen=True, slots=True)
class Subscribed[S: Hashable]:
    """Publish the key to the subscriber, now and after every change."""

    key: str
    subscriber: S


@dataclass(frozen=True, slots=True)
class ActorStopped[S: Hashable]:
    """An actor has stopped: it can no longer be found, and no longer subscribes."""

    address: str
    subscriber: S


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """A member has sent a change of its entries."""

    node: NodeId
    change: Changed


@dataclass(frozen=True, slots=True)
class Members:
    """These are the other members now, and this node is this incarnation."""

    local: NodeId
    others: Collection[NodeId]


type Input[S: Hashable] = Add | Remove | Subscribed[S] | ActorStopped[S] | PeerChanged | Members


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the subscribers the listing of the key."""

    key: str
    subscribers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ListingChanged:
    """The listing of a key without subscribers has changed."""

    key: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """There is no room for an entry."""

    address: str
    reason: str


type Effect = SendSystem[Changed] | Publish | ListingChanged | Refuse


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


class Registry[S: Hashable]:
    """The machine: the receptionist's memory on one node."""

    def __init__(self, local: NodeId) -> None:
        self._local = local
        self._own = Entries()
        self._own_keys: dict[str, set[str]] = {}
        """The keys of each actor of this node."""
        self._theirs: dict[NodeId, Entries] = {}
        self._others: tuple[NodeId, ...] = ()
        self._reserved = 0
        self._subscribers: dict[str, dict[S, None]] = {}
        self._subscriptions: dict[S, set[str]] = {}
        """The keys of each subscriber."""
        self._changed: dict[str, None] = {}
        """Keys that are to be published."""
        self._quiet_until = float("-inf")

    def handle(self, given: Input[S] | Tick, now: float) -> list[Effect]:
        return [*self._handle(given), *self._publish(now)]

    def next_deadline(self) -> float | None:
        return self._quiet_until if self._changed else None

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        assert all(len(entries) <= MAX_ENTRIES for entries in (self._own, *self._theirs.values())), "too many entries"
        assert self._changed.keys() <= self._subscribers.keys(), "a key without subscribers is to be published"
        own = {(entry.key, entry.address) for entry in self._own}
        assert own == {(key, address) for address, keys in self._own_keys.items() for key in keys}, "the indexes differ"
        assert self._reserved >= 0, "more reservations ended than were made"

    def reserve(self, key: str, address: str) -> None:
        """Keep room for an entry, which `Add` with `is_reserved` makes later. Raises ValueError if there is none."""
        self._check_room(Entry(key, address))
        self._reserved += 1

    def find(self, key: str) -> list[tuple[NodeId, str]]:
        """The nodes and addresses of the actors with that key: those of this node first, then by node."""
        own = [(self._local, address) for address in self._own.under(key)]
        return own + [(node, address) for node in sorted(self._theirs) for address in self._theirs[node].under(key)]

    def keys_of(self, address: str) -> Iterable[str]:
        """The keys of an actor of this node."""
        return self._own_keys.get(address, ())

    def _handle(self, given: Input[S] | Tick) -> list[Effect]:
        match given:
            case Add(key, address, is_reserved):
                self._reserved -= is_reserved
                return self._add(Entry(key, address))
            case Remove(key, address):
                return self._remove(Entry(key, address))
            case Subscribed(key, subscriber):
                self._subscribers.setdefault(key, {})[subscriber] = None
                self._subscriptions.setdefault(subscriber, set()).add(key)
                return [Publish(key, (subscriber,))]
            case ActorStopped(address, subscriber):
                effects = self._unsubscribe(subscriber)
                for key in sorted(self._own_keys.get(address, ())):
                    effects += self._remove(Entry(key, address))
                return effects
            case PeerChanged(node, change):
                return self._peer_changed(node, change)
            case Members(local, others):
                return self._members(local, others)
            case Tick():
                return []

    def _add(self, entry: Entry) -> list[Effect]:
        if entry in self._own:
            return []
        try:
            self._check_room(entry)
        except ValueError as error:
            return [Refuse(entry.address, str(error))]
        self._own.add(entry)
        self._own_keys.setdefault(entry.address, set()).add(entry.key)
        return [*self._note_changes([entry.key]), *self._send_all(Changed((entry,), ()))]

    def _remove(self, entry: Entry) -> list[Effect]:
        if not self._own.remove(entry):
            return []
        self._own_keys[entry.address].discard(entry.key)
        if not self._own_keys[entry.address]:
            del self._own_keys[entry.address]
        return [*self._note_changes([entry.key]), *self._send_all(Changed((), (entry,)))]

    def _unsubscribe(self, subscriber: S) -> list[Effect]:
        effects: list[Effect] = []
        for key in sorted(self._subscriptions.pop(subscriber, ())):
            del self._subscribers[key][subscriber]
            if not self._subscribers[key]:
                del self._subscribers[key]
                self._changed.pop(key, None)
                effects.append(ListingChanged(key))
        return effects

    def _peer_changed(self, node: NodeId, change: Changed) -> list[Effect]:
        entries = self._theirs.setdefault(node, Entries())
        for entry in change.removed:
            entries.remove(entry)
        for entry in change.added[: MAX_ENTRIES - len(entries)]:
            entries.add(entry)
        return self._note_changes(entry.key for entry in (*change.added, *change.removed))

    def _members(self, local: NodeId, others: Collection[NodeId]) -> list[Effect]:
        known, self._others = self._others, tuple(others)
        effects: list[Effect] = []
        if local != self._local:
            # No member knows the entries of this incarnation, and what the last one knew of theirs may have changed.
            self._local = local
            effects += self._note_changes(self._own.keys())
            gone, known = list(self._theirs), ()
        else:
            gone = [node for node in self._theirs if node in known and node not in self._others]
        for node in gone:
            effects += self._note_changes(self._theirs.pop(node).keys())
        for newcomer in (node for node in self._others if node not in known):
            effects += [SendSystem(newcomer, Changed(portion, ())) for portion in portions(self._own)]
        return effects

    def _note_changes(self, keys: Iterable[str]) -> list[Effect]:
        effects: list[Effect] = []
        for key in dict.fromkeys(keys):
            if key in self._subscribers:
                self._changed[key] = None
            else:
                effects.append(ListingChanged(key))
        return effects

    def _publish(self, now: float) -> list[Effect]:
        if not self._changed or now < self._quiet_until:
            return []
        self._quiet_until = now + COMBINED
        changed, self._changed = self._changed, {}
        return [Publish(key, tuple(self._subscribers[key])) for key in changed]

    def _check_room(self, entry: Entry) -> None:
        if entry in self._own:
            return
        if entry.size > MAX_ENTRY:
            raise ValueError(
                f"the key and the address {entry.address[:80]} have {entry.size} bytes; at most {MAX_ENTRY} can be sent"
            )
        if len(self._own) + self._reserved >= MAX_ENTRIES:
            raise ValueError(
                f"{MAX_ENTRIES} actors of this node can be found already, which is the most there may be; let one of "
                "them stand for several"
            )

    def _send_all(self, change: Changed) -> list[Effect]:
        return [SendSystem(node, change) for node in self._others]
