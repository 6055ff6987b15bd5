"""Clusters whose nodes keep copies of shards on their own disks, any one of which may be lost."""

import asyncio
from abc import ABC
from collections.abc import Iterator
from random import Random
from typing import Final, override

from casty.replication import ReplicationConfig
from casty.testing.simulation import Simulation, faults, nemesis
from casty_cluster.protocol.replication.stored import Contents
from casty_cluster.replication.feature import Copies
from casty_cluster.replication.hosted_copy import HostedCopy
from casty_cluster.wire.replication import View

from tests.simulation.busy import BusyCluster
from tests.simulation.clusters import RECOVERY

LOOK: Final = 0.05
"""Virtual seconds between two looks at the copies."""
PATIENCE: Final = 30.0
"""Virtual seconds for which a disk is spared until all copies are complete."""
TWO_COPIES: Final = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=1.0)


class CopyingCluster(BusyCluster, ABC):
    """`region` is replicated as `replication` says."""

    region: str
    replication = TWO_COPIES
    in_memory = False
    """Whether a node that dies loses its copies in any case."""
    wiped = 0
    """Disks that were lost."""

    @override
    async def outlive(self, seconds: float) -> None:
        """Two faults at a time, one of which may be the loss of a disk."""
        of_disks = [faults.kill, faults.slow_disk, faults.failing_disk, self.departure]
        of_nodes = [faults.pause, *([] if self.in_memory else of_disks)]
        await asyncio.gather(
            nemesis(self.sim, [*faults.NETWORK, self.lose_disk], seconds=seconds, lasting=(0.5, 20.0)),
            nemesis(self.sim, of_nodes, seconds=seconds, lasting=(0.1, 15.0)),
        )
        await self.sim.eventually(self.is_one, within=RECOVERY)

    async def lose_disk(self, sim: Simulation, random: Random, seconds: float) -> None:
        """A host dies with its disk, once nothing depends on more than one of them."""
        waited = 0.0
        while not self.is_complete and waited < min(seconds, PATIENCE):
            await asyncio.sleep(LOOK)
            waited += LOOK
        if self.is_complete:
            self.wiped += 1
            await faults.kill_and_wipe(sim, random, seconds)

    @property
    def is_complete(self) -> bool:
        """Whether each shard that exists has all of its copies, and any one of them may be lost."""
        shards = self._by_shard()
        return len(self.alive) == len(self.names) and bool(shards) and all(map(self._is_kept, shards.values()))

    def _is_kept(self, copies: list[Contents]) -> bool:
        kept = _present(copies)
        views = [copy.view for copy in kept if copy.view is not None]
        are_right = all(view.min_acks == self.replication.min_acks for view in views)
        return are_right and len(kept) == 1 + self.replication.replicas

    def _by_shard(self) -> dict[int, list[Contents]]:
        found: dict[int, list[Contents]] = {}
        for shard, contents in self._contents():
            found.setdefault(shard, []).append(contents)
        return found

    @property
    def snapshots(self) -> int:
        """Histories that begin with a state, of all copies."""
        return sum(bool(history.snapshot) for _, copy in self._contents() for history in copy.histories.values())

    @property
    def generations(self) -> int:
        """Copies that a compaction has written anew."""
        return sum(bool(copy._store._current.number) for _, copy in self._hosted_copies())

    def _contents(self) -> Iterator[tuple[int, Contents]]:
        return ((shard, copy._member.contents) for shard, copy in self._hosted_copies() if copy._member is not None)

    def _hosted_copies(self) -> Iterator[tuple[int, HostedCopy]]:
        for system in self.alive:
            region = system.features.find(Copies).of(self.region) if system.is_running else None
            for shard, copy in () if region is None else region._copies.items():
                if copy._member is not None:
                    yield shard, copy

    @property
    def is_in_step(self) -> bool:
        """Whether all copies that keep a shard have the same histories."""
        histories = (
            [
                {name: history.position for name, history in copy.histories.items() if history.last}
                for copy in _present(copies)
            ]
            for copies in self._by_shard().values()
        )
        return all(copy == copies[0] for copies in histories for copy in copies)


def _present(copies: list[Contents]) -> list[Contents]:
    """Those that keep the shard, where all that do are there; else none. Others are left from before it moved."""
    view = max((copy.view for copy in copies if copy.view is not None), key=_age, default=None)
    if view is None or view.former:
        return []
    kept = [copy for copy in copies if copy.confirmed == view.epoch == copy.promised]
    return kept if len(kept) == len(view.copies) else []


def _age(view: View) -> tuple[object, bool]:
    return view.epoch, not view.former
