"""Entities of a cluster: one of each id, reached from every node by the same reference."""

import asyncio
from typing import Any

import pytest
from casty import ReplicationConfig, ShardEnvelope
from casty.errors import ArgumentError
from casty_cluster import DevelopmentCluster

from tests.cluster.sharding.accounts import Accounts, Deposit, GetBalance, Where
from tests.cluster.system.waiting import until

IDS = [f"account-{number}" for number in range(60)]


@pytest.mark.parametrize("first", [0, 1])
async def test_the_bank_of_the_readme_has_150_whichever_node_starts_first(first: int) -> None:
    async with DevelopmentCluster(2) as cluster:
        accounts, nodes = Accounts(), list(cluster)
        regions: dict[int, Any] = {}
        for index in (first, 1 - first):
            regions[index] = accounts.spawn(nodes[index], num_shards=100)
        regions[0].tell(ShardEnvelope("alice", Deposit(100)))
        regions[0].tell(ShardEnvelope("bob", Deposit(200)))
        await regions[0].entity("alice").ask(GetBalance)
        regions[1].tell(ShardEnvelope("alice", Deposit(50)))
        assert await nodes[1].ask(regions[1], lambda r: ShardEnvelope("alice", GetBalance(r))) == 150
        assert await nodes[0].ask(regions[0], lambda r: ShardEnvelope("bob", GetBalance(r))) == 200


async def test_copies_of_entities_without_events_are_refused_and_leave_nothing_behind() -> None:
    async with DevelopmentCluster(1) as cluster:
        [node] = cluster
        accounts, copies = Accounts(), ReplicationConfig(replicas=2)
        with pytest.raises(ArgumentError, match=r"'accounts' has .*replicas=2.*keep no events.*ReceiveBehavior"):
            accounts.spawn(node, replication=copies)
        assert await accounts.spawn(node).entity("alice").ask(GetBalance) == 0


async def test_entities_spread_over_the_nodes_and_all_nodes_agree_where_they_are() -> None:
    async with DevelopmentCluster(3) as cluster:
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=30) for node in cluster]
        places = [[await region.entity(entity).ask(Where) for entity in IDS] for region in regions]
        assert places[0] == places[1] == places[2]
        assert set(places[0]) == {"node-1", "node-2", "node-3"}
        assert len(accounts.starts) == len(IDS), "each entity has started on one node"
        assert set(accounts.starts.values()) == {1}


async def test_a_node_without_the_region_reaches_entities_also_where_it_is_the_oldest_one() -> None:
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        accounts = Accounts()
        ref = first.entity_ref("accounts", "alice")
        ref.tell(Deposit(100))
        asked = asyncio.ensure_future(ref.ask(GetBalance))
        accounts.spawn(second)
        assert await asked == 100
        assert await third.entity_ref("accounts", "alice").ask(GetBalance) == 100


async def test_a_region_that_is_spawned_late_gets_its_share_of_new_shards() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        region = accounts.spawn(first, num_shards=20)
        assert await region.entity("alice").ask(Where) == "node-1"
        late = accounts.spawn(second, num_shards=20)
        assert "node-2" in [await late.entity(entity).ask(Where) for entity in IDS]
        assert await late.entity("alice").ask(Where) == "node-1"


async def test_a_node_without_the_role_of_a_region_only_sends_messages_to_its_entities() -> None:
    async with DevelopmentCluster(1) as cluster:
        teller = await cluster.add_node(roles=["teller"])
        accounts = Accounts()
        regions = [accounts.spawn(node, role="teller", num_shards=10) for node in cluster]
        for region in regions:
            assert {await region.entity(entity).ask(Where) for entity in IDS} == {teller.self_node.node_id}


async def test_several_regions_do_not_know_of_each_other() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts, savings = Accounts(), Accounts()
        accounts.spawn(first).entity("alice").tell(Deposit(1))
        ref = savings.spawn(second, "savings").entity("alice")
        ref.tell(Deposit(2))
        assert await ref.ask(GetBalance) == 2
        assert await second.entity_ref("accounts", "alice").ask(GetBalance) == 1


async def test_messages_of_one_sender_to_one_entity_arrive_in_order_from_the_first_on() -> None:
    from tests.cluster.sharding.accounts import Number

    async with DevelopmentCluster(3) as cluster:
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=5) for node in cluster]
        refs = [(str(index), region.entity(entity)) for index, region in enumerate(regions) for entity in IDS[:10]]
        for number in range(100):
            for sender, ref in refs:
                ref.tell(Number(sender, number))
            if number % 10 == 9:
                await asyncio.sleep(0)
        await until(lambda: sum(map(len, accounts.seen.values())) == 100 * len(refs))
        for handled in accounts.seen.values():
            for sender in ("0", "1", "2"):
                assert [entry.number for entry in handled if entry.sender == sender] == list(range(100))


async def test_the_entities_of_a_node_that_stops_alone_stop_with_it() -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node)
        region.entity("alice").tell(Deposit(1))
        assert await region.entity("alice").ask(GetBalance) == 1
    assert not node.is_running
