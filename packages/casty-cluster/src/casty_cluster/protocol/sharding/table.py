"""The coordinator's table of shards, found by shard and by owner: no change of one shard or node looks at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from casty.member import NodeId


class Allotment(Enum):
    """How far a shard has come that has an owner."""

    granting = "granting"
    """The owner claims the fence."""
    owned = "owned"
    moving = "moving"
    """The owner is to stop it, and another one follows."""


@dataclass(slots=True)
class Entry:
    """A shard that has an owner."""

    owner: NodeId
    epoch: int
    state: Allotment
    target: NodeId | None = None
    """The node that gets it next, if that has been chosen."""


class Table:
    """All shards that have an owner, and the highest epoch of each shard that is known."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._on: dict[NodeId, dict[int, None]] = {}
        self._moving: dict[int, None] = {}
        self._highest: dict[int, int] = {}

    @property
    def entries(self) -> Mapping[int, Entry]:
        return self._entries

    @property
    def moving(self) -> int:
        """How many shards are on the move."""
        return len(self._moving)

    def on(self, node: NodeId) -> Mapping[int, None]:
        """The shards of that owner."""
        return self._on.get(node, {})

    def get(self, shard: int) -> Entry | None:
        return self._entries.get(shard)

    def highest(self, shard: int) -> int:
        return self._highest.get(shard, 0)

    def know(self, shard: int, epoch: int) -> None:
        """An epoch of the shard that exists: each new one is higher."""
        self._highest[shard] = max(epoch, self.highest(shard))

    def put(self, shard: int, entry: Entry) -> None:
        self.remove(shard)
        self._entries[shard] = entry
        self._on.setdefault(entry.owner, {})[shard] = None
        self.know(shard, entry.epoch)
        if entry.state is Allotment.moving:
            self._moving[shard] = None

    def move(self, shard: int, target: NodeId | None) -> Entry:
        """Note that the shard is on the move, to that node if it is one already."""
        entry = self._entries[shard]
        entry.state, entry.target = Allotment.moving, target
        self._moving[shard] = None
        return entry

    def remove(self, shard: int) -> None:
        entry = self._entries.pop(shard, None)
        if entry is not None:
            self._moving.pop(shard, None)
            shards = self._on[entry.owner]
            del shards[shard]
            if not shards:
                del self._on[entry.owner]

    def clear(self) -> None:
        self._entries.clear()
        self._on.clear()
        self._moving.clear()

    def validate(self) -> None:
        listed = {shard: node for node, shards in self._on.items() for shard in shards}
        assert listed == {shard: entry.owner for shard, entry in self._entries.items()}, "owners and shards differ"
        moving = {shard for shard, entry in self._entries.items() if entry.state is Allotment.moving}
        assert moving == self._moving.keys(), "shards on the move are not listed"
        assert all(entry.epoch <= self._highest[shard] for shard, entry in self._entries.items()), "an unknown epoch"
