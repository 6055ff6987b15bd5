"""Replicated entities on a journal of each host, any one of which may lose its disk, and what copies must have."""

import asyncio
from collections.abc import Iterable
from typing import override

from casty import Behavior, Behaviors
from casty.behaviors.clustered import RegionRef
from casty.replication import ReplicationConfig
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.sharding.owner import Hosted
from casty_cluster.sharding.pair import Pair

from tests.simulation.bank import Command, account
from tests.simulation.clusters import RECOVERY
from tests.simulation.replication.disks import CopyingCluster
from tests.simulation.sharding.ledger import NUMBERS, Ledger
from tests.simulation.sharding.regions import ARRIVED, ENTITIES, PASSIVATE_AFTER, REGION, SHARDS


class Copied(CopyingCluster, Ledger):
    """The ledger of `replicas` and `min_acks`, whose accounts are in copies on the hosts' own disks."""

    region = REGION

    def __init__(self, sim: Simulation, size: int = 3, *, replicas: int = 2, min_acks: int = 1) -> None:
        super().__init__(sim, size)
        self.replication = ReplicationConfig(replicas=replicas, min_acks=min_acks, ack_timeout=1.0)

    @override
    def entity(self, name: str, entity_id: str) -> Behavior[Command]:
        return account(entity_id, "sim-disk://ledger")

    def replication_on(self, name: str) -> ReplicationConfig:
        """What the node of that name spawns the region with."""
        return self.replication

    @override
    def spawn_region(self, name: str, system: ClusteredActorSystem) -> RegionRef[Command]:
        behavior = Behaviors.sharded(
            lambda entity_id: self.entity(name, entity_id),
            num_shards=SHARDS,
            passivate_after=PASSIVATE_AFTER,
            replication=self.replication_on(name),
        )
        return system.spawn(behavior, REGION)

    @override
    def no_two_members_run_one_shard(self, all_hosted: Iterable[tuple[Pair, Hosted]]) -> None:
        """Not so here: a shard that exists is granted as soon as the coordinator knows that its owner is downed, and
        not when a node that knows it too asks for it. The epochs of copies keep the two apart.
        """

    @override
    async def every_account_replies(self) -> None:
        """On each node, and with the same content: what was acknowledged, once, in the order of each client."""
        self.is_busy = False
        await asyncio.sleep(ARRIVED)
        await self.sim.eventually(lambda: self.is_complete and self.is_in_step, within=RECOVERY)
        first, *others = [await self.sim.host(name).run(lambda name=name: self._look(name)) for name in self.names]
        assert all(other == first for other in others), f"the nodes disagree: {first}, {others}"
        for entity, content in zip(ENTITIES, first, strict=True):
            assert len(set(content)) == len(content), f"{entity} has deposits twice: {content}"
            for client in {number // NUMBERS for number in content}:
                numbers = [number for number in content if number // NUMBERS == client]
                assert numbers == sorted(numbers), f"{entity}: out of order: {numbers}"
        lost = set(self.acknowledged) - {number for content in first for number in content}
        assert not lost, f"lost: {sorted(lost)}"
