"""Allocation strategies: by name, by configuration, as objects; what is wrong with one is reported by name."""

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from casty import ArgumentError, Behavior, BehaviorError, Behaviors, CastyConfig, JoinError, PluginError
from casty.config.convert import table_from
from casty.member import NodeId
from casty.spi.allocation import Move, Regions
from casty_cluster import ClusteredActorSystem, DevelopmentCluster, HashRing, LeastShards
from casty_cluster.sharding.feature import Sharding

from tests.cluster.sharding.accounts import Accounts, Where

IDS = [f"account-{number}" for number in range(12)]


class Oldest:
    """All shards on the oldest node."""

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        return next(iter(regions))

    def rebalance(self, regions: Regions, limit: int) -> Sequence[Move]:
        return []


class Broken(Oldest):
    """Raises what no plugin should."""

    def allocate(self, shard: int, regions: Regions) -> NodeId:
        raise GeneratorExit


def config(**tables: Any) -> CastyConfig:
    return table_from(CastyConfig, tables)


def strategy_of(node: ClusteredActorSystem, region: str = "accounts") -> Any:
    pair = node.features.find(Sharding).regions[region]._pair
    assert pair is not None
    return pair.coordinator.placement.strategy


def nothing(_: str) -> Behavior[Any]:
    return Behaviors.ignore()


async def test_the_fewest_shards_is_the_default() -> None:
    async with DevelopmentCluster(1) as (node,):
        Accounts().spawn(node)
        assert isinstance(strategy_of(node), LeastShards)


async def test_the_configuration_names_a_strategy_and_its_options() -> None:
    ring = {"allocation": "hash-ring", "allocation_options": {"virtual_nodes": 7}}
    fewest = {"sessions": {"sharding": {"allocation": "least-shards"}}}
    async with DevelopmentCluster(1, config=config(defaults={"sharding": ring}, actors=fewest)) as (node,):
        for name in ("accounts", "sessions"):
            Accounts().spawn(node, name)
        assert strategy_of(node).virtual_nodes == 7
        assert isinstance(strategy_of(node, "sessions"), LeastShards)


async def test_code_names_a_strategy_or_gives_one() -> None:
    async with DevelopmentCluster(2) as cluster:
        accounts = Accounts()
        regions = [accounts.spawn(node, allocation=Oldest()) for node in cluster]
        assert {await regions[1].entity(entity).ask(Where) for entity in IDS} == {"node-1"}
        accounts.spawn(cluster[0], "sessions", allocation="hash-ring")
        assert isinstance(strategy_of(cluster[0], "sessions"), HashRing)


async def test_a_region_that_the_coordinator_has_learned_of_first_takes_the_strategy_that_it_is_spawned_with() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        assert await accounts.spawn(second).entity("alice").ask(Where) == "node-2"
        accounts.spawn(first, allocation="hash-ring")
        assert isinstance(strategy_of(first), HashRing)


async def test_a_strategy_that_raises_is_reported_and_its_shards_run_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with DevelopmentCluster(1) as (node,):
        region = Accounts().spawn(node, allocation=Broken())
        with caplog.at_level(logging.WARNING, "casty.sharding"):
            assert await region.entity("alice").ask(Where) == "node-1"
        assert "region accounts: the allocation strategy Broken raised GeneratorExit() for shard" in caplog.text


@pytest.mark.parametrize(
    ("sharding", "problem"),
    [
        ({"allocation": "nonsense"}, "no allocation strategy named 'nonsense'; installed: hash-ring, least-shards"),
        ({"allocation": "hash-ring", "allocation_options": {"points": 1}}, "has no option 'points'"),
        ({"allocation": "hash-ring", "allocation_options": {"virtual_nodes": 0}}, "must be at least 1"),
    ],
)
@pytest.mark.parametrize("of_one_actor", [False, True])
async def test_a_node_does_not_start_with_a_strategy_that_there_is_not(
    sharding: dict[str, Any], problem: str, of_one_actor: bool
) -> None:
    tables = {"actors": {"accounts": {"sharding": sharding}}} if of_one_actor else {"defaults": {"sharding": sharding}}
    setting = r"\[actors.'accounts'\] sharding" if of_one_actor else r"\[defaults.sharding\] allocation"
    with pytest.raises(PluginError, match=f"{setting}: .*{problem}"):
        async with ClusteredActorSystem(name="x", host="127.0.0.1", port=0, config=config(**tables)):
            pytest.fail("it must not start")


async def test_a_region_is_not_spawned_with_a_strategy_that_there_is_not() -> None:
    async with DevelopmentCluster(1) as (node,):
        with pytest.raises(PluginError, match="region 'accounts': no allocation strategy named 'nonsense'"):
            node.spawn(Behaviors.sharded(nothing, allocation="nonsense"), "accounts")
        Accounts().spawn(node)


@pytest.mark.parametrize("allocation", [7, LeastShards, object(), ""])
def test_what_is_no_strategy_is_refused(allocation: Any) -> None:
    with pytest.raises(BehaviorError, match=r"allocation of Behaviors\.sharded is the name of an allocation"):
        Behaviors.sharded(nothing, allocation=allocation)


async def test_a_node_whose_configuration_has_another_number_of_shards_is_rejected_by_name() -> None:
    async with ClusteredActorSystem(name="x", host="127.0.0.1", port=0) as one:
        other = config(defaults={"sharding": {"num_shards": 7}})
        with pytest.raises(JoinError, match=r"\[defaults.sharding\] num_shards"):
            async with ClusteredActorSystem(
                name="x",
                host="127.0.0.1",
                port=0,
                config=other,
                seed_nodes=[one.self_node.address],
                required_quorum=2,
                quorum_timeout=10.0,
            ):
                pytest.fail("it must not join")


async def test_a_region_cannot_be_spawned_with_another_number_of_shards_than_the_cluster_has() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        assert await accounts.spawn(first, num_shards=5).entity("alice").ask(Where) == "node-1"
        assert await second.entity_ref("accounts", "alice").ask(Where) == "node-1"
        with pytest.raises(ArgumentError, match=r"num_shards=5 on other nodes .* with num_shards=6"):
            accounts.spawn(second, num_shards=6)
        accounts.spawn(second, num_shards=5)


async def test_nodes_with_different_numbers_of_shards_say_so_and_their_asks_say_why_they_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, "casty.sharding")
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        accounts.spawn(first, num_shards=5)
        with pytest.raises(TimeoutError, match=r"num_shards=6, the coordinator .* num_shards=5"):
            await accounts.spawn(second, num_shards=6).entity("alice").ask(Where, timeout=1.0)
        assert await first.entity_ref("accounts", "alice").ask(Where) == "node-1"
        warnings = [record.getMessage() for record in caplog.records if record.name == "casty.sharding"]
        assert len(warnings) == 2, "each of the two nodes says it once"
        assert all("spawn the region with the same num_shards on all nodes" in warning for warning in warnings)
