"""Simulated clusters with a region of entities, and what is true of its shards at every moment."""

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine, Iterable, Iterator
from itertools import combinations
from typing import Any, Final, override

from casty import Behavior, Behaviors
from casty.behaviors.clustered import RegionRef
from casty.member import ClusterState, NodeId
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.sharding.feature import Sharding
from casty_cluster.sharding.pair import Pair
from casty_cluster.wire.sharding import HostPhase

from tests.simulation.busy import BusyCluster
from tests.simulation.clusters import view_of

REGION: Final = "entities"
SHARDS: Final = 8
ENTITIES: Final = tuple(f"entity-{number}" for number in range(12))
ARRIVED: Final = 5.0
"""Virtual seconds after which nothing is under way any more."""
EASES: Final = (1.0, 3.0, 9.0)
"""How many times slower the clients of a run are, by lot: some faults show between few messages, some between many."""
PASSIVATE_AFTER: Final = 1.0
"""Virtual seconds: entities are passivated, and start again, all the time."""


class EntityCluster(BusyCluster):
    """Each node runs shards of one region, and its clients send messages to all entities."""

    num_shards = SHARDS

    def __init__(self, sim: Simulation, size: int, **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self._ease = sim.random.choice(EASES)
        self._granted: dict[tuple[NodeId, Hosted], NodeId] = {}
        """The coordinator that granted a node a shard at an epoch."""
        self._owners: dict[tuple[NodeId, int, int], NodeId] = {}
        """The owner by coordinator, shard and epoch: a cluster that is formed anew begins with the old epochs."""
        self._last: object = None
        """All that the invariant looks at, as it was when it was looked at last: little that happens changes it."""
        sim.invariant(self.shards_have_one_owner)

    @abstractmethod
    def entity(self, name: str, entity_id: str) -> Behavior[Any]:
        """What the entity is on the node of that name."""

    @abstractmethod
    def clients(
        self, name: str, system: ClusteredActorSystem, region: RegionRef[Any]
    ) -> Iterable[Coroutine[Any, Any, None]]:
        """What a node does beside its actors."""

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        return self.clients(name, system, self.spawn_region(name, system))

    @override
    async def goes_on(self, system: ClusteredActorSystem, pace: float) -> bool:
        return await super().goes_on(system, pace * self._ease)

    def spawn_region(self, name: str, system: ClusteredActorSystem) -> RegionRef[Any]:
        return system.spawn(
            Behaviors.sharded(
                lambda entity_id: self.entity(name, entity_id),
                num_shards=self.num_shards,
                passivate_after=PASSIVATE_AFTER,
            ),
            REGION,
        )

    @property
    def moves(self) -> int:
        """How often shards were granted again."""
        return len(self._owners) - len({shard for _, shard, _ in self._owners})

    def shards_have_one_owner(self) -> None:
        hosted, views = list(self._hosted()), list(self._views())
        now = [(pair, pair.region._coordinator, shard) for pair, shard in hosted], views
        if now != self._last:
            self.each_epoch_has_one_owner(hosted)
            self.no_two_members_run_one_shard(hosted)
            self._last = now

    def each_epoch_has_one_owner(self, all_hosted: Iterable[tuple[Pair, Hosted]]) -> None:
        for pair, hosted in all_hosted:
            coordinator = pair.region._coordinator
            if coordinator is not None:
                local = pair.local
                coordinator = self._granted.setdefault((local, hosted._replace(phase=HostPhase.starting)), coordinator)
                owner = self._owners.setdefault((coordinator, hosted.shard, hosted.epoch), local)
                assert owner == local, f"{owner} and {local} have both run shard {hosted.shard} at {hosted.epoch}"

    def no_two_members_run_one_shard(self, all_hosted: Iterable[tuple[Pair, Hosted]]) -> None:
        """A removed node may run a shard for a while, beside its next owner, which may learn of the removal later than
        the coordinator that has granted it the shard. Until that knows of it, both know each other as members. One
        that was the coordinator, and wakes from a pause, may even grant itself again what it has been fenced from.
        """
        running: dict[int, list[tuple[NodeId, Hosted]]] = {}
        granted: dict[NodeId, NodeId | None] = {}
        for pair, hosted in all_hosted:
            running.setdefault(hosted.shard, []).append((pair.local, hosted))
            granted[pair.local] = pair.region._coordinator
        for several in running.values():
            for (one, first), (other, second) in combinations(several, 2):
                older, newer = (one, other) if first.epoch < second.epoch else (other, one)
                removed = self._removed(granted[newer], older)
                removed |= granted[newer] == newer and self._removed(granted[older], newer)
                knows = self._sees(one, other) and self._sees(other, one) and not removed
                assert not knows, f"{one} has {first} while {other} has {second}"

    def only_owned_shards_are_open(self) -> None:
        """Once nothing is on the move: no entity runs where its shard does not."""
        for system in self.alive:
            region = system.features.find(Sharding).regions[REGION]
            hosted = {shard for shard, _, _ in region.pair.region.owner.hosted} if region.pair else set[int]()
            opened = set(region._shards.numbers) if region._shards else set[int]()
            assert opened == hosted, f"{system.self_node.node} runs {hosted}, and has {opened} open"

    def _hosted(self) -> Iterator[tuple[Pair, Hosted]]:
        """All shards that nodes run, as the nodes see it."""
        for system in self.alive:
            pair = machines(system)
            if pair is not None:
                yield from ((pair, hosted) for hosted in pair.region.owner.hosted)

    def _sees(self, one: NodeId, other: NodeId) -> bool:
        return any(view.local == one and other in view.others for view in self._views())

    def _removed(self, coordinator: NodeId | None, node: NodeId) -> bool:
        """Whether a living coordinator has removed the node."""
        return any(view.local == coordinator != node and node not in view.others for view in self._views())

    def is_member_for_all(self, node: NodeId) -> bool:
        """Whether no living node, itself included, has removed it."""
        return all(node == view.local or node in view.others for view in self._views())

    def _views(self) -> Iterator[ClusterState]:
        for system in self.alive:
            view = view_of(system)
            if view is not None:
                yield view


def machines(system: ClusteredActorSystem) -> Pair | None:
    """Those of the region on one node; None while the node is no member."""
    region = system.features.find(Sharding).regions.get(REGION) if system.is_running else None
    return None if region is None else region.pair


async def settle(cluster: EntityCluster, seconds: float) -> None:
    """Let what is under way arrive, once the clients have ended."""
    cluster.is_busy = False
    await asyncio.sleep(seconds)
    cluster.only_owned_shards_are_open()
