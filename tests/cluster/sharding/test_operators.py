"""What operators do with regions: look at their shards from any node, move them, drain a node, down another one."""

import asyncio
import logging
from typing import Any

import pytest
from casty import (
    ArgumentError,
    JoinError,
    MemberLeft,
    NodeId,
    NodeRejoined,
    ShardMoved,
    ShardStarted,
    ShardStopped,
)
from casty.regions import ShardReason, ShardStatus
from casty.testing import settle
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.protocol.sharding.coordinator import Phase
from casty_cluster.protocol.sharding.owner import Hosting
from casty_cluster.protocol.sharding.placement import REBALANCE_SHARDS
from casty_cluster.sharding.feature import Sharding
from casty_cluster.sharding.operators import NODES, SHARDS
from casty_cluster.sharding.outbox import MAX_BYTES
from casty_cluster.wire import codec
from casty_cluster.wire.sharding import HostPhase, Rebalanced, StateReport

from tests.cluster.sharding.accounts import Accounts, GetBalance, Where
from tests.cluster.system.waiting import until

IDS = [f"account-{number}" for number in range(40)]


async def fill(node: ClusteredActorSystem) -> None:
    """Have each entity, and so each shard, run somewhere."""
    for entity in IDS:
        await node.entity_ref("accounts", entity).ask(GetBalance)


async def knows(node: ClusteredActorSystem, region: str = "accounts") -> None:
    sharding = node.features.find(Sharding)
    await until(lambda: region in sharding.regions and sharding.regions[region].pair is not None)


def spawned(accounts: Accounts, *nodes: ClusteredActorSystem) -> None:
    for node in nodes:
        accounts.spawn(node, num_shards=8)


def heard(node: ClusteredActorSystem, kind: type[Any]) -> list[Any]:
    events: list[Any] = []
    node.event_stream.subscribe(kind, events.append)
    return events


async def test_any_node_can_ask_for_the_shards_of_a_region_and_their_entities() -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        spawned(Accounts(), first, second)
        await knows(third)
        await fill(third)
        for node in (first, second, third):  # the third one does not run shards
            state = await node.shard_state("accounts")
            assert state.is_complete
            assert (state.name, state.num_shards) == ("accounts", 8)
            assert [shard.shard for shard in state.shards] == list(range(8))
            assert {shard.status for shard in state.shards} == {ShardStatus.running}
            assert (len(state.on(first.self_node.node)), len(state.on(second.self_node.node))) == (4, 4)
            assert state.entities == len(IDS)
            assert state.coordinator == first.self_node
            assert set(state.nodes) == {first.self_node.node, second.self_node.node}


async def test_the_state_of_the_cluster_has_the_shards_that_the_node_knows() -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        assert (state := first.get_cluster_state()) is not None
        assert state.regions == ()
        spawned(Accounts(), first, second)
        await knows(third)
        await fill(second)
        regions = [node.get_cluster_state() for node in (first, second, third)]
        whole, some, none = (state.regions[0] for state in regions if state is not None)
        assert whole.is_complete
        assert len(whole.shards) == 8
        assert len(some.shards) == 8  # its own, and those to which it has sent messages
        assert some.missing == (first.self_node.node, third.self_node.node)
        assert none.shards == ()
        assert none.coordinator == first.self_node
        assert all(shard.epoch > 0 for shard in whole.shards)


async def test_ten_thousand_shards_are_reported_in_messages_that_fit() -> None:
    async with DevelopmentCluster(2) as (first, second):
        region = Accounts().spawn(second, num_shards=10_000)
        await knows(first)
        coordinator = first.features.find(Sharding).regions["accounts"].pair
        assert coordinator is not None
        await until(lambda: coordinator.coordinator.phase is Phase.active)
        pair = second.features.find(Sharding).regions["accounts"].pair
        assert pair is not None
        owner = pair.region.owner
        for shard in range(10_000):  # as if all of them had been asked for, which takes a while
            owner._hosted[shard] = Hosting(2**62, HostPhase.draining, ShardReason.requested)
        try:
            state = await first.shard_state(region)
            assert state.is_complete
            assert len(state.shards) == 10_000
        finally:
            owner._hosted.clear()


def test_reports_fit_with_the_largest_values() -> None:
    node = NodeId("h" * 253, 65_535, 2**64 - 1)
    shard = (2**31, 2**63, max(HostPhase, key=len).value, 2**31)
    reports = [
        StateReport(number=2**31, hosted=(shard,) * SHARDS),
        StateReport(number=2**31, targets=((2**31, node),) * NODES),
        StateReport(number=2**31, nodes=(node,) * NODES),
        StateReport(number=2**31, missing=(node,) * NODES),
        Rebalanced(2**31, ((2**31, node, node),) * REBALANCE_SHARDS, ""),
    ]
    assert [report for report in reports if len(codec.dumps(report)) > MAX_BYTES] == []


async def test_a_region_is_given_by_its_reference_too() -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node, num_shards=8)
        await region.entity("alice").ask(GetBalance)
        assert (await node.shard_state(region)).entities == 1


async def test_a_node_that_does_not_reply_in_time_is_named() -> None:
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        spawned(Accounts(), first, second, third)
        await fill(first)
        cluster.partition([0], [1, 2])
        state = await first.shard_state("accounts", timeout=0.01)
        assert set(state.missing) == {second.self_node.node, third.self_node.node}
        assert not state.is_complete
        assert {shard.owner for shard in state.shards} == {first.self_node.node}
        with pytest.raises(TimeoutError, match=r"coordinates the region accounts, has not replied within 0\.01 s"):
            await second.rebalance("accounts", timeout=0.01)
        cluster.heal()


def deaf(*_: object) -> None:
    """Stands for a node that hears nothing, and so reports nothing."""


async def test_a_coordinator_that_waits_for_reports_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(2) as (first, second):
        sharding = second.features.find(Sharding)
        monkeypatch.setattr(sharding, "_take", deaf)
        spawned(Accounts(), first)
        await knows(first)
        coordinator = first.features.find(Sharding).regions["accounts"].pair
        assert coordinator is not None
        await until(lambda: coordinator.coordinator.phase is Phase.recovering)
        await settle()
        state = await first.shard_state("accounts", timeout=0.01)
        assert state.missing == (second.self_node.node,)
        outcome = await first.rebalance("accounts")
        assert outcome.moves == ()
        assert outcome.reason == f"the coordinator {first.self_node.node} is recovering"
        with pytest.raises(TimeoutError, match=r"not reported yet; `await system\.shard_state\(region\)` shows"):
            await first.entity_ref("accounts", IDS[0]).ask(GetBalance, timeout=0.1)


async def test_a_node_that_is_removed_is_not_waited_for() -> None:
    async with DevelopmentCluster(2, failover="fast") as cluster:
        first, second = cluster
        spawned(Accounts(), first, second)
        await fill(first)
        cluster.partition([0], [1])
        asked = asyncio.create_task(first.shard_state("accounts", timeout=60.0))
        await settle()
        first.down(second.self_node)
        state = await asked
        assert state.is_complete
        cluster.heal()


@pytest.mark.parametrize("region", ["", "a/b", "_sharding", 7, None])
async def test_what_is_no_region_is_refused(region: Any) -> None:
    async with DevelopmentCluster(1) as (node,):
        with pytest.raises(ArgumentError, match="a region is given by its name"):
            await node.shard_state(region)
        with pytest.raises(ArgumentError, match="a region is given by its name"):
            await node.rebalance(region)


async def test_an_unknown_region_is_an_error_with_those_that_are_known() -> None:
    async with DevelopmentCluster(1) as (node,):
        spawned(Accounts(), node)
        node.entity_ref("orders", "alice")  # a reference makes no region
        with pytest.raises(ArgumentError, match="this node knows no region 'orders'; it knows: accounts"):
            await node.shard_state("orders")
        with pytest.raises(ArgumentError, match="timeout of shard_state"):
            await node.shard_state("accounts", timeout=-1.0)


async def test_a_node_that_is_no_member_says_so() -> None:
    async with DevelopmentCluster(1) as (node,):
        spawned(Accounts(), node)
        node.node.fall_silent()
        assert node.get_cluster_state() is None
        with pytest.raises(JoinError, match="not a member of a cluster now"):
            await node.shard_state("accounts")


async def test_shards_are_rebalanced_on_demand_and_the_moves_are_reported() -> None:
    async with DevelopmentCluster(2) as (first, second):
        moved, started = heard(first, ShardMoved), heard(second, ShardStarted)
        accounts = Accounts()
        spawned(accounts, first)
        await fill(first)
        assert (await first.rebalance("accounts")).reason == "fewer than two nodes can run its shards"
        await knows(second)
        spawned(accounts, second)
        coordinator = first.features.find(Sharding).regions["accounts"].pair
        assert coordinator is not None
        await until(lambda: len(coordinator.coordinator.census.eligible) == 2)
        outcome = await second.rebalance("accounts")
        assert outcome.reason == ""
        [move] = outcome.moves
        assert (move.owner, move.target) == (first.self_node.node, second.self_node.node)
        await until(lambda: bool(moved))
        [event] = moved
        assert (event.region, event.shard, event.source, event.owner) == ("accounts", *move)
        assert event.reason is ShardReason.rebalanced
        assert [(e.shard, e.epoch, e.reason) for e in started] == [(move.shard, event.epoch, ShardReason.rebalanced)]


async def test_a_round_with_nothing_to_move_says_why() -> None:
    async with DevelopmentCluster(2) as (first, second):
        spawned(Accounts(), first, second)
        await fill(first)
        assert (await first.rebalance("accounts")).reason.endswith("they are balanced")


async def test_a_drained_node_runs_no_shards_and_reaches_them_elsewhere() -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        accounts = Accounts()
        stopped, moved = heard(first, ShardStopped), heard(second, ShardMoved)
        spawned(accounts, first, second)
        await fill(first)
        await asyncio.gather(first.drain(), first.drain())
        assert first.is_running
        assert len(first.members) == 3
        await fill(first)
        state = await third.shard_state("accounts")
        assert len(state.on(second.self_node.node)) == 8
        assert state.nodes == (second.self_node.node,)
        assert {event.reason for event in (*stopped, *moved)} == {ShardReason.leaving}
        assert (len(stopped), len(moved)) == (4, 4)
        assert await first.entity_ref("accounts", IDS[0]).ask(Where) == "node-2"
        await first.leave()
        assert not first.is_running


async def test_a_drained_node_that_was_downed_runs_no_shards_when_it_is_back() -> None:
    async with DevelopmentCluster(2) as (first, second):
        rejoined = heard(second, NodeRejoined)
        spawned(Accounts(), first, second)
        await fill(first)
        await second.drain()
        first.down("node-2")
        await until(lambda: bool(rejoined))
        await fill(first)
        pair = first.features.find(Sharding).regions["accounts"].pair
        assert pair is not None
        await until(lambda: second.self_node.node in pair.coordinator.census.members)
        await until(lambda: pair.coordinator.census.eligible == (first.self_node.node,))
        await until(lambda: len(pair.coordinator.table.on(first.self_node.node)) == 8)


async def test_the_last_node_can_be_drained() -> None:
    async with DevelopmentCluster(1) as (node,):
        stopped = heard(node, ShardStopped)
        spawned(Accounts(), node)
        await fill(node)
        await node.drain()
        assert len(stopped) == 8
        assert {event.reason for event in stopped} == {ShardReason.shutdown}


async def test_a_drain_that_does_not_end_in_time_names_the_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DevelopmentCluster(1) as (node,):
        spawned(Accounts(), node)
        await fill(node)

        async def nothing() -> None:
            """Stands for the shutdown's phases, whose tasks have timed out."""

        with monkeypatch.context() as patched:
            patched.setattr(node.features, "hand_over", nothing)
            with pytest.raises(TimeoutError, match="not handed over in time: accounts"):
                await node.drain()
        node._draining = None  # so that the shutdown does what is left


@pytest.mark.parametrize("named", ["member", "node", "name"])
async def test_a_member_is_downed_by_order_and_what_it_ran_runs_elsewhere(named: str) -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        left = heard(first, MemberLeft)
        spawned(Accounts(), first, second, third)
        await fill(first)
        member = second.self_node
        first.down({"member": member, "node": member.node, "name": "node-2"}[named])
        await until(lambda: any(event.member == member.node for event in left))
        await fill(first)
        state = await third.shard_state("accounts")
        assert not state.on(member.node)


async def test_what_is_no_member_cannot_be_downed() -> None:
    async with DevelopmentCluster(2) as (first, _):
        strangers: list[Any] = ["node-9", 7, None, NodeId("node-2", 1, 1)]
        for stranger in strangers:
            with pytest.raises(ArgumentError, match=r"down takes a member.*members: node-1, node-2"):
                first.down(stranger)


async def test_a_downed_node_reports_that_its_shards_have_stopped() -> None:
    async with DevelopmentCluster(2) as (first, second):
        stopped = heard(second, ShardStopped)
        spawned(Accounts(), first, second)
        await fill(first)
        first.down("node-2")
        await until(lambda: len(stopped) == 4)
        assert {event.reason for event in stopped} == {ShardReason.downed}


async def test_the_story_of_a_node_that_stops_is_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "casty.sharding"):
        async with DevelopmentCluster(1) as (node,):
            spawned(Accounts(), node)
            await fill(node)
    lines = [record.getMessage() for record in caplog.records if record.name == "casty.sharding"]
    [started] = [line for line in lines if "started on this node" in line]
    [stopped] = [line for line in lines if "stopped on this node" in line]
    assert started.startswith("region accounts: 8 shards: ")
    assert started.endswith("(a message was sent to one of its entities)")
    assert stopped.startswith("region accounts: 8 shards: ")
    assert stopped.endswith("(no member stays to run it)")
