"""B14: several shard types at once keep all their allocations, and a region never starts an entity of a shard that it
does not own.
"""

import pytest
from casty.member import NodeId
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.sharding.feature import Sharding
from casty_cluster.wire.entities import returned

from tests.cluster.sharding.accounts import Accounts, Where
from tests.cluster.sharding.test_bad_input import PEER, Wire

REGIONS = ("accounts", "orders", "sessions")
IDS = [f"e{number}" for number in range(30)]


async def homes(node: ClusteredActorSystem, region: str) -> dict[int, tuple[NodeId | None, int]]:
    """The owner and epoch of each shard, once all entities have run."""
    for entity in IDS:
        await node.entity_ref(region, entity).ask(Where)
    return {shard.shard: (shard.owner, shard.epoch) for shard in (await node.shard_state(region)).shards}


async def test_b14_regions_that_are_spawned_later_take_no_allocation_away() -> None:
    async with DevelopmentCluster(2) as cluster:
        seen = dict[str, dict[int, tuple[NodeId | None, int]]]()
        for region in REGIONS:
            accounts = Accounts()
            for node in cluster:
                accounts.spawn(node, region, num_shards=6)
            seen[region] = await homes(cluster[1], region)
            assert {owner for owner, _ in seen[region].values()} == {node.self_node.node for node in cluster}
        assert {region: await homes(cluster[0], region) for region in REGIONS} == seen


async def test_b14_no_entity_of_a_shard_that_runs_elsewhere_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        for node in (first, second):
            accounts.spawn(node, num_shards=16)
        owned = await homes(first, "accounts")
        elsewhere = owned[7][0] != first.self_node.node
        node = first if elsewhere else second
        assert node.features.find(Sharding).regions["accounts"].has_shards
        wire = Wire(node, monkeypatch)
        frame = wire.message(entity="stray", epoch=owned[7][1])
        wire.lane.received(PEER, frame)
        assert returned(PEER.uid, frame) in wire.sent
        assert not [key for key in accounts.starts if key[1] == "stray"]
