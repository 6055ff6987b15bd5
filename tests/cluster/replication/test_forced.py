"""Too few copies are left to be certain: the shard waits and says for which, until an operator decides."""

from typing import Any

import pytest
from casty import ShardUnavailable
from casty.cluster import DevelopmentCluster
from casty.errors import ArgumentError
from casty.extension import shard_of
from casty.regions import ShardStatus
from casty.replication import ReplicationConfig
from casty_cluster.protocol.replication import promotion
from casty_cluster.protocol.sharding import coordinator

from tests.cluster.replication.bank import Bank, banks
from tests.cluster.replication.test_regions import copies_by_shard
from tests.cluster.system.waiting import until

ENTITY = "alice"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "PATIENCE", 0.2)
    monkeypatch.setattr(coordinator, "REBALANCE_INTERVAL", 0.2)


async def lose_two_copies(cluster: DevelopmentCluster, bank: Bank) -> tuple[int, list[ShardUnavailable]]:
    """Kill two of the three nodes with copies of the entity's shard, the primary among them."""
    shard, seen = shard_of(ENTITY, bank.num_shards), list[ShardUnavailable]()
    await bank.deposit(cluster[0], ENTITY, 1)
    with_copies = [node for node in cluster if (region := bank.copies_on(node)) is not None and region.get(shard)]
    assert len(with_copies) == 3
    for node in cluster:
        node.event_stream.subscribe(ShardUnavailable, seen.append)
    for node in with_copies[:2]:
        await cluster.kill(list(cluster).index(node))
    await until(lambda: bool(seen))
    return shard, seen


async def test_a_shard_with_too_few_promises_is_unavailable_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with banks(5, Bank()) as (cluster, bank):
        shard, seen = await lose_two_copies(cluster, bank)
        assert (seen[0].region, seen[0].shard) == ("accounts", shard)
        assert "have not promised" in seen[0].reason
        assert "force_promote(region, shard, allow_data_loss=True)" in seen[0].reason
        assert f"shard {shard} of accounts is not available: {seen[0].reason}" in caplog.text
        [state] = [state for state in (await cluster[2].shard_state("accounts")).shards if state.shard == shard]
        assert state.status is ShardStatus.starting
        assert "have not promised" in state.obstacle
        with pytest.raises(TimeoutError):
            await bank.deposit(cluster[0], ENTITY, 2, timeout=0.2)


async def test_a_loss_that_an_operator_accepts_is_on_record_for_ever() -> None:
    async with banks(5, Bank()) as (cluster, bank):
        shard, _ = await lose_two_copies(cluster, bank)
        await cluster[0].force_promote("accounts", shard, allow_data_loss=True)
        await bank.insist(cluster[0], ENTITY, 2)
        assert 2 in await bank.look(cluster[1], ENTITY)
        views = [copy.view for copy in copies_by_shard(cluster)[shard] if copy.view is not None]
        assert max(views, key=lambda view: view.epoch).forced


async def test_a_promotion_that_cannot_be_forced_is_refused_with_the_reason() -> None:
    bank = Bank(replication=ReplicationConfig(replicas=1, min_acks=1))
    async with banks(2, bank) as (cluster, _):
        node: Any = cluster[0]
        await bank.deposit(node, ENTITY, 1)
        shard = shard_of(ENTITY, bank.num_shards)
        with pytest.raises(ArgumentError, match=r"may lose acknowledged events.*allow_data_loss=True"):
            await node.force_promote("accounts", shard, allow_data_loss=False)
        with pytest.raises(ArgumentError, match="no node that is there knows shard 99"):
            await node.force_promote("accounts", 99, allow_data_loss=True)
        with pytest.raises(ArgumentError, match="knows no region 'savings'"):
            await node.force_promote("savings", 1, allow_data_loss=True)
        await cluster[1].leave()
        await until(lambda: len(node.members) == 1)
        with pytest.raises(ArgumentError, match="min_acks=1 takes 2 nodes"):
            await node.force_promote("accounts", shard, allow_data_loss=True)
