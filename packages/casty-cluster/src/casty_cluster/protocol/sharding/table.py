"""The coordinator's table of shards, found by shard and by owner: no change of one shard or node looks at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from casty.member import NodeId
from casty.regions import ShardReason

from casty_cluster.protocol.sharding.effects import ShardArrives
from casty_cluster.wire.sharding import HostPhase


class Allotment(Enum):
    """How far a shard has come that has an owner."""

    granting = "granting"
    """The owner claims the fence."""
    owned = "owned"
    moving = "moving"
    """The owner is to stop it, and another one follows."""


_ALLOTMENTS: Final[Mapping[str, Allotment]] = {
    HostPhase.starting: Allotment.granting,
    HostPhase.running: Allotment.owned,
    HostPhase.draining: Allotment.moving,
}


def allotment(phase: str) -> Allotment:
    """How far a shard has come that is reported in that phase. In one that only newer versions know, the shard is
    waited for, as in the last one.
    """
    return _ALLOTMENTS.get(phase, Allotment.moving)


@dataclass(slots=True)
class Entry:
    """A shard that has an owner."""

    owner: NodeId
    epoch: int
    state: Allotment
    target: NodeId | None = None
    """The node that gets it next, if that has been chosen."""
    reason: ShardReason | None = None
    """Why the owner loses it, once it does."""


class Table:
    """All shards that have an owner, and the highest epoch of each shard that is known."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._on: dict[NodeId, dict[int, None]] = {}
        self._moving: dict[int, None] = {}
        self._highest: dict[int, int] = {}
        self._lost: dict[int, Entry] = {}
        """The last owner of each shard that has lost it, until the next one runs the shard."""

    @property
    def entries(self) -> Mapping[int, Entry]:
        return self._entries

    @property
    def moving(self) -> Collection[int]:
        """The shards on the move."""
        return self._moving.keys()

    @property
    def targets(self) -> list[tuple[int, NodeId]]:
        """The nodes that get shards on the move next, as far as they have been chosen."""
        moving = ((shard, self._entries[shard].target) for shard in self._moving)
        return [(shard, target) for shard, target in moving if target is not None]

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

    def move(self, shard: int, target: NodeId | None, reason: ShardReason) -> Entry:
        """Note that the shard is on the move, to that node if it is one already."""
        entry = self._entries[shard]
        entry.state, entry.target, entry.reason = Allotment.moving, target, reason
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

    def lose(self, shard: int, reason: ShardReason) -> None:
        """The owner does not run the shard any more; `reason` counts where none was known before."""
        entry = self._entries[shard]
        entry.reason = entry.reason or reason
        self.remove(shard)
        if entry.state is not Allotment.granting:  # else it has not run there
            self._lost.setdefault(shard, entry)

    def why_lost(self, shard: int) -> ShardReason | None:
        """Why the last owner has lost the shard; None: it is not known to have had one."""
        lost = self._lost.get(shard)
        return None if lost is None else lost.reason

    def found(self, shard: int) -> list[ShardArrives]:
        """The shard runs: return its move, if it has run on another node before."""
        before, now = self._lost.pop(shard, None), self._entries[shard]
        if before is None or before.owner == now.owner:
            return []
        reason = before.reason or ShardReason.other
        return [ShardArrives(shard=shard, epoch=now.epoch, source=before.owner, owner=now.owner, reason=reason)]

    def clear(self) -> None:
        self._lost.clear()
        self._entries.clear()
        self._on.clear()
        self._moving.clear()

    def validate(self) -> None:
        listed = {shard: node for node, shards in self._on.items() for shard in shards}
        assert listed == {shard: entry.owner for shard, entry in self._entries.items()}, "owners and shards differ"
        moving = {shard for shard, entry in self._entries.items() if entry.state is Allotment.moving}
        assert moving == self._moving.keys(), "shards on the move are not listed"
        assert all(entry.epoch <= self._highest[shard] for shard, entry in self._entries.items()), "an unknown epoch"
