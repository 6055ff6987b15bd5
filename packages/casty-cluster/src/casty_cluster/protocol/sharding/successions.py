"""Shards that other copies are to keep from now on: some of theirs are gone, or on members that are about to leave.

Copies that are gone are replaced, so that as many may be lost as before. Members that leave wait where a shard could
not go on without their copies and others can take their place. Of two copies, for instance, neither can go on alone.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import final

from casty.member import NodeId

from casty_cluster.protocol.sharding.census import Census
from casty_cluster.protocol.sharding.copy_groups import CopyGroups
from casty_cluster.protocol.sharding.table import Allotment, Table


@final
class Successions:
    """Those of one coordinator."""

    def __init__(self, table: Table, census: Census, groups: CopyGroups) -> None:
        self._table = table
        self._census = census
        self._groups = groups
        self._due: dict[int, None] = {}
        self._awaited: set[int] = set()
        """Those that members which leave wait for."""
        self._is_known = False
        """Whether it is known which these are."""
        self._unseen: dict[int, int] = {}
        """Shards that start with copies that an earlier coordinator has chosen, and the epochs of these grants: only
        their owners know the copies.
        """

    def __contains__(self, shard: int) -> bool:
        return shard in self._due

    @property
    def keep_leavers(self) -> bool:
        """Whether members that leave have to wait."""
        return bool(self._awaited) or not self._is_known or any(map(self._is_unseen, self._unseen))

    def adopted(self, shard: int) -> None:
        """The owner has reported the shard, and how far it has come with it."""
        entry = self._table.get(shard)
        if entry is not None and entry.state is Allotment.granting:
            self._unseen[shard] = entry.epoch

    def reported(self, node: NodeId, shards: Iterable[int]) -> None:
        """The node has reported its copies of these shards."""
        for shard in shards:
            entry = self._table.get(shard)
            if entry is not None and entry.owner == node and entry.state is not Allotment.granting:
                self._unseen.pop(shard, None)

    def forget_leavers(self) -> None:
        """Other members are there, or leave."""
        self._is_known = False
        self._unseen = {shard: epoch for shard, epoch in self._unseen.items() if self._is_unseen(shard)}

    def _is_unseen(self, shard: int) -> bool:
        entry = self._table.get(shard)
        return entry is not None and entry.epoch == self._unseen[shard]

    def find_leavers(self) -> None:
        """Find out what members that leave have to wait for, once all nodes have reported their copies."""
        if not self._is_known and self._groups.is_complete:
            self._is_known = True
            held = (shard for leaver in self._census.leavers for shard in self._groups.on(leaver))
            self.examine({*self._awaited, *held})

    def examine(self, shards: Iterable[int]) -> None:
        """Find out for each of these shards whether members that leave have to wait for it."""
        leavers, others = self._census.leavers, self._census.prospects
        for shard in shards:
            if self._table.get(shard) is not None and self._groups.rests_on(leavers, shard, others):
                self._awaited.add(shard)
                self._due[shard] = None
            else:
                self._awaited.discard(shard)

    def find(self) -> None:
        """Find all shards with copies that are gone and whose place another node can take, or of other settings."""
        able = self._groups.able(self._census.eligible)
        self._due |= {shard: None for shard in self._table.entries if self._groups.is_due(shard, able)}

    def next(self, count: int) -> Iterator[int]:
        """So many of them, at most, that run. Each remains until it `begins`."""
        able = self._groups.able(self._census.eligible)
        for shard in [*islice(self._due, count)]:
            entry = self._table.get(shard)
            is_due = shard in self._awaited or self._groups.is_due(shard, able)
            if entry is None or entry.state is not Allotment.owned or not is_due:
                del self._due[shard]
            elif self._groups.are_enough(able):
                yield shard

    def to_move(self, shard: int, target: NodeId) -> int | None:
        """The shard that is to move to the target: this one, or another one of its owner that the target was given a
        copy of in an earlier round. A strategy that counts shards would choose new ones in each round. None: neither
        can be moved.
        """
        owner = self._table.entries[shard].owner
        others = [] if target in self._groups.holders(shard) else self._groups.invited(target)
        for candidate in (*others, shard):
            entry = self._table.get(candidate)
            is_there = entry is not None and entry.owner == owner and entry.state is Allotment.owned
            if is_there and self._groups.is_movable(candidate):
                return candidate
        return None

    @property
    def stuck(self) -> list[int]:
        """Shards that run where they are until copies are back: those that are there cannot decide on others."""
        shards = self._table.entries if self._groups.is_complete else ()
        return [shard for shard in shards if not self._groups.is_movable(shard)]

    def begins(self, shard: int) -> None:
        """Other copies are about to keep the shard."""
        del self._due[shard]
