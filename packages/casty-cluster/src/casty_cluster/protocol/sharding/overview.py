"""What a node knows of a region at once, for operators: all shards where it coordinates, else some of them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from casty.member import ClusterState
from casty.regions import RegionState, ShardState, ShardStatus

from casty_cluster.protocol.sharding.coordinator import Coordinator, Phase
from casty_cluster.protocol.sharding.oldest import host_of
from casty_cluster.protocol.sharding.region import Region
from casty_cluster.protocol.sharding.table import Allotment
from casty_cluster.wire.sharding import HostPhase

_STATUSES: Final[Mapping[Allotment | str, ShardStatus]] = {
    Allotment.granting: ShardStatus.starting,
    Allotment.owned: ShardStatus.running,
    Allotment.moving: ShardStatus.moving,
    HostPhase.starting: ShardStatus.starting,
    HostPhase.running: ShardStatus.running,
    HostPhase.draining: ShardStatus.moving,
}


def status(phase: str) -> ShardStatus:
    """That of a shard in this phase; in one that only newer versions know, it is on the move, as in the last one."""
    return _STATUSES.get(phase, ShardStatus.moving)


def overview(name: str, view: ClusterState, region: Region[Any], coordinator: Coordinator) -> RegionState:
    """The region as a node of that view knows it."""
    host = host_of(view)
    if coordinator.phase not in (Phase.recovering, Phase.active):
        shards = sorted(_known(view, region))
        return RegionState(
            name=name,
            num_shards=region.num_shards,
            shards=tuple(shards),
            coordinator=None if host is None else host.node,
            missing=view.others,
        )
    return RegionState(
        name=name,
        num_shards=region.num_shards,
        shards=tuple(sorted(_allotted(coordinator))),
        coordinator=view.local,
        nodes=coordinator.census.eligible,
        missing=coordinator.census.missing,
    )


def _allotted(coordinator: Coordinator) -> Iterator[ShardState]:
    for shard, entry in coordinator.table.entries.items():
        yield ShardState(shard, entry.owner, entry.epoch, _STATUSES[entry.state], entry.target)


def _known(view: ClusterState, region: Region[Any]) -> Iterator[ShardState]:
    """The shards of this node, and those of others to which it sends messages."""
    hosted = {hosted.shard: hosted for hosted in region.owner.hosted}
    for shard, epoch, phase in hosted.values():
        yield ShardState(shard, view.local, epoch, _STATUSES[phase])
    for shard, home in region.sender.homes:
        if shard not in hosted:
            yield ShardState(shard, home.owner, home.epoch)
