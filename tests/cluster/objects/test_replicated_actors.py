"""Class-based actors with copies of their state on other nodes: one history, whichever node dies, disk and all."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from casty import (
    Actor,
    ActorFailedError,
    ActorSystem,
    BehaviorError,
    CastyConfig,
    Context,
    LocalRef,
    ReplicationConfig,
)
from casty.cluster import ClusterScope, DevelopmentCluster
from casty.config import ActorConfig, JournalConfig
from casty.config.actors import DefaultsConfig, ReplicationOverrides
from casty.errors import CastyError, JournalError
from casty.extension import shard_of
from casty.objects.regions import starter_of
from casty_cluster.replication.feature import Copies
from casty_cluster.sharding.feature import Sharding

from tests.cluster.objects.reaching import MOVED, reached
from tests.core.objects.cart import Add, Cart, Crash, GetItems, GetTotal

FAST = {"failover": "fast"}
QUORUM = ClusterScope(replication=3, consistency="quorum")
REGION = "class-actors-2-1"


class Counter(Actor[int]):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def receive(self, msg: int, ctx: Context) -> None:
        self.total += msg
        await ctx.reply(self.total)


def primary_of(cluster: DevelopmentCluster, ref: LocalRef[Any], region: str = REGION) -> int:
    """The index of the node that runs an actor."""
    entity_id = f"{__name__}:{Counter.__qualname__}/{ref.address.path.rpartition('%2F')[2]}"
    shard = shard_of(entity_id, 100)
    [index] = [
        index
        for index, node in enumerate(cluster)
        if (known := node.features.find(Sharding).regions.get(region)) is not None and known.holding(shard) is not None
    ]
    return index


@pytest.mark.parametrize(
    ("scope", "copies"),
    [
        (ClusterScope(), None),
        (ClusterScope(1, "one"), None),
        (ClusterScope(1, "all"), None),
        (ClusterScope(2), ReplicationConfig(replicas=1, min_acks=1)),
        (ClusterScope(2, "one"), ReplicationConfig(replicas=1, min_acks=0)),
        (ClusterScope(2, "all"), ReplicationConfig(replicas=1, min_acks=1)),
        (ClusterScope(3), ReplicationConfig(replicas=2, min_acks=1)),
        (ClusterScope(3, "one"), ReplicationConfig(replicas=2, min_acks=0)),
        (ClusterScope(3, "all"), ReplicationConfig(replicas=2, min_acks=2)),
        (ClusterScope(4), ReplicationConfig(replicas=3, min_acks=2)),
        (ClusterScope(5), ReplicationConfig(replicas=4, min_acks=2)),
    ],
)
def test_a_scope_says_how_many_copies_there_are_and_how_many_of_them_confirm(
    scope: ClusterScope, copies: ReplicationConfig | None
) -> None:
    assert scope.copies == copies


@pytest.mark.parametrize("consistency", ["quorum", "all"])
async def test_three_increments_are_read_as_three_from_every_node_also_when_the_primary_is_killed(
    consistency: Any,
) -> None:
    scope = ClusterScope(replication=3, consistency=consistency)
    async with DevelopmentCluster(4, **FAST) as cluster:
        counters = [await node.actor(Counter, name="visits", scope=scope) for node in cluster]
        assert {*counters} == {counters[0]}
        for counter in counters[:3]:
            await counter.ask(1)
        assert [await counter.ask(0) for counter in counters] == [3, 3, 3, 3]
        region = REGION if consistency == "quorum" else "class-actors-2-2"
        killed = primary_of(cluster, counters[0], region)
        await cluster.kill(killed)
        left = [counter for index, counter in enumerate(counters) if index != killed]
        assert [await reached(counter, 0) for counter in left] == [3, 3, 3]
        again = [await node.actor(Counter, name="visits", scope=scope) for node in cluster]
        assert [await counter.ask(1) for counter in again] == [4, 5, 6]


async def test_an_actor_is_found_at_once_while_its_node_is_being_replaced() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        counter = await cluster[0].actor(Counter, name="visits", scope=QUORUM, start=10)
        assert await counter.ask(1) == 11
        host = primary_of(cluster, counter)
        same = await cluster[(host + 1) % 3].actor(Counter, name="visits", scope=QUORUM)
        await cluster.kill(host)
        waiting = asyncio.ensure_future(same.ask(1, timeout=30.0))
        found = await cluster[0].actor(Counter, name="visits", scope=QUORUM)
        assert {await waiting, await found.ask(1)} == {12, 13}


async def test_a_node_keeps_copies_as_soon_as_it_hears_of_a_region() -> None:
    """Before it reports to the coordinator, which would place the first shards on fewer nodes."""
    async with DevelopmentCluster(1, **FAST) as (node,):
        node.entity_ref(REGION, f"{__name__}:Counter/visits")
        assert node.features.find(Sharding).regions[REGION].copies is not None


async def test_with_one_confirmation_it_moves_with_its_state_when_its_node_leaves() -> None:
    scope = ClusterScope(replication=2, consistency="one")
    async with DevelopmentCluster(3, **FAST) as cluster:
        counter = await cluster[0].actor(Counter, name="visits", scope=scope)
        assert await counter.ask(5) == 5
        host = cluster[primary_of(cluster, counter, "class-actors-1-0")]
        left = [node for node in cluster if node is not host]
        found = [await node.actor(Counter, name="visits", scope=scope) for node in left]
        await host.leave()
        assert [await reached(counter, 1) for counter in found] == [6, 7]


async def test_a_primary_that_is_cut_off_shows_nothing_old() -> None:
    async with DevelopmentCluster(3, **FAST) as cluster:
        nodes = list(cluster)
        counters = [await node.actor(Counter, name="visits", scope=QUORUM) for node in nodes]
        assert await counters[0].ask(1) == 1
        cut_off = primary_of(cluster, counters[0])
        others = [index for index in range(3) if index != cut_off]
        cluster.partition([cut_off], others)
        looking = asyncio.create_task(counters[cut_off].ask(0, timeout=60.0))
        assert await reached(counters[others[0]], 1) == 2
        cluster.heal()
        with contextlib.suppress(CastyError):
            assert await looking == 2
        # Its node may not have heard yet that it was removed, and cannot confirm what it holds.
        assert await reached(counters[cut_off], 0, (*MOVED, JournalError)) == 2


async def test_its_state_outlives_restarts_as_that_of_a_durable_actor() -> None:
    async with DevelopmentCluster(3, **FAST) as (node, *_):
        cart = await node.actor(Cart, name="cart", scope=QUORUM)
        await cart.send(Add("a", 2.0))
        with pytest.raises(ActorFailedError, match="crash"):
            await cart.ask(Crash())
        assert await cart.ask(GetItems()) == {"a": 2.0}
        assert await cart.ask(GetTotal()) == 2.0


class Connected(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.socket = object()


async def test_a_state_that_cannot_be_copied_is_refused_with_the_cure() -> None:
    async with DevelopmentCluster(2, **FAST) as (node, _):
        with pytest.raises(ActorFailedError, match="begin the attribute's name with an underscore") as failed:
            await node.actor(Connected, name="connected", scope=ClusterScope(replication=2))
        assert isinstance(failed.value.__cause__, BehaviorError | None)


async def test_a_name_has_one_actor_whatever_number_of_copies_it_is_asked_for_with(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with DevelopmentCluster(3, **FAST) as (first, second, third):
        counter = await first.actor(Counter, name="visits", scope=QUORUM)
        assert await counter.ask(1) == 1
        assert await second.actor(Counter, name="visits", scope="cluster") == counter
        assert await first.actor(Counter, name="visits", scope=ClusterScope(2, "one")) == counter
        assert "was created with" not in caplog.text
        assert await third.actor(Counter, name="visits", scope=ClusterScope(3, "all")) == counter
        assert (
            "the Counter named 'visits' was created with replication=3, and 2 of these copies confirm a change: it is "
            "not kept in 3 copies of which 3 confirm"
        ) in caplog.text
        plain = await first.actor(Counter, name="plain", scope="cluster")
        assert await second.actor(Counter, name="plain", scope=QUORUM) == plain
        assert "the Counter named 'plain' was created with replication=1," in caplog.text
        assert [await counter.ask(0), await plain.ask(0)] == [1, 0]


async def test_a_name_that_is_asked_for_on_several_nodes_with_several_scopes_at_once_is_one_actor() -> None:
    scopes = ["cluster", QUORUM, ClusterScope(2, "one"), ClusterScope()]
    async with DevelopmentCluster(3, **FAST) as cluster:
        for name in ("a", "b", "c"):
            async with asyncio.timeout(60):
                counters: list[LocalRef[int]] = await asyncio.gather(
                    *(node.actor(Counter, name=name, scope=scope) for scope in scopes for node in cluster)  # type: ignore[arg-type]
                )
            assert len(set(counters)) == 1
            assert [await counter.ask(1) for counter in counters] == [*range(1, len(counters) + 1)]


async def test_settings_that_a_scope_does_not_have_are_those_of_the_configuration() -> None:
    replication = ReplicationOverrides(ack_timeout=1.5, spread="zone:")
    for config in (
        CastyConfig(defaults=DefaultsConfig(replication=replication)),
        CastyConfig(actors={"class-actors.*": ActorConfig(replication=replication)}),
    ):
        async with DevelopmentCluster(2, config=config, **FAST) as (node, _):
            await node.actor(Counter, name="visits", scope=ClusterScope(replication=2, consistency="one"))
            copies = node.features.find(Copies).of("class-actors-1-0")
            assert copies is not None
            wanted = ReplicationConfig(replicas=1, min_acks=0, ack_timeout=1.5, spread="zone:")
            assert copies.settings == wanted


async def die(cluster: DevelopmentCluster) -> None:
    """All nodes at once: where one leaves after the other, fewer and fewer keep the copies."""
    for index in reversed(range(len(cluster))):
        await cluster.kill(index)


async def test_nodes_with_a_file_each_start_again_with_all_actors(tmp_path: Path) -> None:
    configs = [CastyConfig(journal=JournalConfig(url=f"sqlite:///{tmp_path}/{number}.db")) for number in range(3)]

    @asynccontextmanager
    async def started() -> AsyncGenerator[DevelopmentCluster]:
        async with DevelopmentCluster(1, config=configs[0], **FAST) as cluster:
            for config in configs[1:]:
                await cluster.add_node(config=config)
            yield cluster

    names = [f"visits-{number}" for number in range(5)]
    async with started() as cluster:
        for number, name in enumerate(names):
            counter = await cluster[number % 3].actor(Counter, name=name, scope=QUORUM)
            assert await counter.ask(number) == number
        await die(cluster)
    configs[1] = CastyConfig(journal=JournalConfig(url=f"sqlite:///{tmp_path}/new.db"))  # its disk was lost
    async with started() as cluster:
        found = [await cluster[1].actor(Counter, name=name, scope=QUORUM) for name in names]
        assert [await reached(counter, 10) for counter in found] == [10, 11, 12, 13, 14]


async def test_too_few_nodes_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with DevelopmentCluster(1, **FAST) as cluster:
        starting = asyncio.create_task(cluster[0].actor(Counter, name="visits", scope=QUORUM))
        async with asyncio.timeout(20):
            while "1 shards cannot run: min_acks=1 takes 2 nodes that run the region" not in caplog.text:  # noqa: ASYNC110 - the coordinator's
                await asyncio.sleep(0.01)
        assert "of this node alone" not in caplog.text
        await cluster.add_node()
        assert await (await starting).ask(1) == 1


async def test_a_local_system_keeps_the_state_of_such_an_actor_itself(actor_system: ActorSystem) -> None:
    counter = await actor_system.actor(Counter, name="visits", scope=QUORUM)
    assert await counter.ask(2) == 2
    again = await actor_system.actor(Counter, name="visits", scope=QUORUM)
    assert again == counter
    assert await again.ask(1) == 3
    assert await actor_system.actor(Counter, name="visits", scope="cluster") == counter


@pytest.mark.parametrize(
    "name", ["class-actors-1-2", "class-actors-0-0", "class-actors-01-0", "class-actors-1000-0", "class-actorsx", "x"]
)
def test_a_name_that_is_none_of_a_region_of_class_actors_starts_nothing(name: str) -> None:
    assert starter_of(name, print) is None


@pytest.mark.parametrize("copies", [None, *(ReplicationConfig(replicas=2, min_acks=acks) for acks in range(3))])
def test_a_node_starts_a_region_by_its_name(copies: ReplicationConfig | None) -> None:
    name = "class-actors" if copies is None else f"class-actors-2-{copies.min_acks}"
    started: list[object] = []
    start = starter_of(name, started.append)
    assert start is not None
    start()
    assert started == [copies]
