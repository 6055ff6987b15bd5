"""Shards that move between nodes: on leave, on join, when nodes are removed or come back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from casty import ActorContext, ActorStopped, Behavior, Behaviors, NodeLostError, RegionRef
from casty.spi.cluster_feature import ShutdownPhase
from casty.testing import settle
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.protocol.sharding.coordinator import Phase
from casty_cluster.protocol.sharding.inputs import Rebalance
from casty_cluster.sharding.feature import QUIESCE_TIMEOUT, Sharding

from tests.cluster.sharding.accounts import Accounts, Number, Where
from tests.cluster.system.waiting import until

IDS = [f"account-{number}" for number in range(12)]


class Load:
    """Tells numbers to all entities, from one node, and asks them; no ask may fail."""

    def __init__(self, accounts: Accounts, sender: str, node: ClusteredActorSystem) -> None:
        self.accounts = accounts
        self.sender = sender
        self.sent = 0
        self._refs = [node.entity_ref("accounts", entity) for entity in IDS]
        self.answered = 0
        self._tasks = [asyncio.create_task(self._tell()), asyncio.create_task(self._ask())]

    async def _ask(self) -> None:
        while True:
            for ref in self._refs:
                await ref.ask(Where, timeout=30.0)
                self.answered += 1

    async def _tell(self) -> None:
        while True:
            for ref in self._refs:
                ref.tell(Number(self.sender, self.sent))
            self.sent += 1
            await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), ended

    def arrived(self) -> bool:
        """Whether all has arrived; raises AssertionError where the order is wrong or a message came twice."""
        complete = True
        for entity in IDS:
            numbers = [entry.number for entry in self.accounts.seen.get(entity, ()) if entry.sender == self.sender]
            assert numbers == list(range(len(numbers))), f"{entity} has not handled {self.sender} in order: {numbers}"
            complete = complete and len(numbers) == self.sent
        return complete


@asynccontextmanager
async def load(accounts: Accounts, *nodes: ClusteredActorSystem) -> AsyncGenerator[list[Load]]:
    """Load from these nodes meanwhile; all of it has arrived in order when this ends."""
    loads = [Load(accounts, node.self_node.node_id, node) for node in nodes]
    await until(lambda: all(one.sent > 3 for one in loads))
    try:
        yield loads
        so_far = [one.answered for one in loads]
        await until(lambda: all(one.answered > before + 24 for one, before in zip(loads, so_far, strict=True)))
    finally:
        for one in loads:
            await one.stop()
    await until(lambda: all(one.arrived() for one in loads))


async def places(node: ClusteredActorSystem) -> set[str]:
    return {await node.entity_ref("accounts", entity).ask(Where) for entity in IDS}


def rebalance(node: ClusteredActorSystem) -> None:
    """Start a round of rebalancing, which the coordinator starts by itself every ten seconds."""
    for region in node.features.find(Sharding).regions.values():
        assert region._pair is not None
        region._pair.coordinate(Rebalance())


async def test_a_node_that_leaves_hands_its_entities_over_without_losing_or_reordering_a_message() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        assert await places(third) == {"node-1", "node-2", "node-3"}
        async with load(accounts, first, third):
            await second.leave()
        assert await places(first) == {"node-1", "node-3"}


async def test_the_coordinator_s_node_leaves_like_any_other() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        await places(third)
        async with load(accounts, second, third):
            await first.leave()
        assert await places(second) == {"node-2", "node-3"}


@pytest.mark.parametrize("drained", [0, 1])
async def test_a_node_that_is_drained_under_load_loses_and_reorders_nothing_and_fails_no_ask(drained: int) -> None:
    """Also where it is the coordinator's, or sends some of the load."""
    accounts = Accounts()
    async with DevelopmentCluster(3) as cluster:
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        await places(cluster[2])
        async with load(accounts, *cluster):
            await cluster[drained].drain()
        assert await places(cluster[drained]) == {"node-1", "node-2", "node-3"} - {f"node-{1 + drained}"}


async def test_what_a_leaving_node_has_sent_itself_arrives() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        await places(second)
        one = Load(accounts, "node-2", second)
        await until(lambda: one.sent > 10)
        leaving = asyncio.ensure_future(second.leave())
        await asyncio.sleep(0)
        await one.stop()
        await leaving
        await until(one.arrived)
        assert await places(first) == {"node-1"}


async def test_a_rolling_restart_under_load_loses_nothing() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(3) as cluster:
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        witness = await cluster.add_node()
        await places(witness)
        async with load(accounts, witness):
            for _ in range(3):
                await cluster[0].leave()
                accounts.spawn(await cluster.add_node(), num_shards=6)
        assert await places(witness) <= {"node-5", "node-6", "node-7"}


async def test_a_new_node_gets_its_share_under_load() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        await places(second)
        async with load(accounts, first, second):
            third = await cluster.add_node()
            accounts.spawn(third, num_shards=6)
            while "node-3" not in await places(first):
                rebalance(first)
        assert await places(third) == {"node-1", "node-2", "node-3"}


async def test_all_nodes_stop_together_and_none_waits_for_another() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(3) as cluster:
        nodes = list(cluster)
        for node in nodes:
            accounts.spawn(node, num_shards=6)
        await places(nodes[0])
        async with asyncio.timeout(10):
            await asyncio.gather(*(node.leave() for node in nodes))


async def test_asks_under_way_to_a_node_that_is_removed_fail_at_once_and_later_ones_find_its_successor() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        held = asyncio.Event()
        regions = [spawn_slow(node, held) for node in cluster]
        entity = await on(second, regions[0])
        asked: asyncio.Future[Any] = asyncio.ensure_future(regions[0].entity(entity).ask(lambda r: ("hold", r), 60.0))
        await until(lambda: held.is_set())
        lost = second.self_node.node
        second.node.fall_silent()
        first.node.down(lost)
        with pytest.raises(NodeLostError, match="whether it has handled the message is unknown"):
            await asked
        assert await regions[0].entity(entity).ask(Where) == "node-1"
        assert accounts.seen == {}


async def test_an_ask_of_an_entity_whose_node_cannot_be_reached_waits_for_its_next_home() -> None:
    """So do tells, and in their order."""
    accounts = Accounts()
    async with DevelopmentCluster(3, failover="fast") as cluster:
        regions = [accounts.spawn(node) for node in cluster]
        await asyncio.gather(*(region.entity(entity).ask(Where) for region in regions for entity in IDS))
        victim = cluster[2].self_node.node_id
        lost = [entity for entity in IDS if await regions[0].entity(entity).ask(Where) == victim]
        assert lost
        await cluster.kill(2)
        for entity in lost:
            for number in range(3):
                regions[0].entity(entity).tell(Number("first", number))
        asks = [regions[0].entity(entity).ask(Where, timeout=30.0) for entity in lost]
        assert victim not in await asyncio.gather(*asks)
        for entity in lost:
            assert [entry.number for entry in accounts.seen[entity] if entry.sender == "first"] == [0, 1, 2]


async def test_a_node_that_was_downed_stops_its_entities_and_runs_new_ones_when_it_is_back() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        for node in cluster:
            accounts.spawn(node, num_shards=6)
        assert await places(first) == {"node-1", "node-2"}
        stopped = set[str]()
        second.event_stream.subscribe(ActorStopped, lambda event: stopped.add(event.ref.address.path))
        region = second.features.find(Sharding).regions["accounts"]
        ran = {shard for shard in range(6) if region.entities(shard) is not None}
        first.node.down(second.self_node.node)
        await until(lambda: second.get_cluster_state() is None)
        await until(lambda: {int(path.split("/")[2]) for path in stopped if path.count("/") == 3} == ran)
        assert await places(first) == {"node-1"}
        await until(lambda: second.get_cluster_state() is not None)
        await first.wait_for(2)
        while "node-2" not in await places(first):
            rebalance(first)
        assert await places(second) == {"node-1", "node-2"}


async def test_messages_that_a_downed_node_has_not_sent_wait_until_it_is_back() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        before = accounts.spawn(second, role="nowhere").entity("kept")
        before.tell(Number("second", 1))
        await settle()
        first.node.down(second.self_node.node)
        await until(lambda: second.get_cluster_state() is None)
        before.tell(Number("second", 2))
        second.entity_ref("unknown", "kept").tell(Number("unknown", 3))
        await until(lambda: second.get_cluster_state() is not None)
        await first.wait_for(2)
        accounts.spawn(first)
        accounts.spawn(first, "unknown")
        await until(lambda: len(accounts.seen.get("kept", ())) == 3)
        assert [entry for entry in accounts.seen["kept"] if entry.sender == "second"] == [
            Number("second", 1),
            Number("second", 2),
        ]


async def test_a_leaving_node_waits_until_its_messages_have_homes() -> None:
    accounts = Accounts()
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        accounts.spawn(second, role="nowhere").entity("alice").tell(Number("second", 1))
        second.node.retire()
        waiting = asyncio.ensure_future(second.features.run(ShutdownPhase.stop_actors))
        await settle()
        assert not waiting.done()
        accounts.spawn(first)
        await waiting
        assert accounts.seen == {"alice": [Number("second", 1)]}


async def test_a_node_that_no_coordinator_knows_leaves_at_once() -> None:
    async with DevelopmentCluster(2) as cluster:
        Accounts().spawn(cluster[1], role="nowhere")
        async with asyncio.timeout(QUIESCE_TIMEOUT / 2):
            await cluster[1].leave()


async def test_the_coordinator_retires_before_its_node_announces_that_it_leaves() -> None:
    async with DevelopmentCluster(2) as cluster:
        first, _ = cluster
        Accounts().spawn(first)
        pair = first.features.find(Sharding).regions["accounts"]._pair
        assert pair is not None
        await first.features.run(ShutdownPhase.stop_accepting)
        assert pair.coordinator.phase is Phase.retired
        view = first.get_cluster_state()
        assert view is not None
        assert not view.retiring


def spawn_slow(node: ClusteredActorSystem, held: asyncio.Event) -> RegionRef[Any]:
    """Entities that answer `Where`, and never anything else."""

    def entity(_: str) -> Behavior[Any]:
        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Where(reply_to):
                    reply_to.tell(node.self_node.node_id)
                case _:
                    kept.append(message)
                    held.set()
            return Behaviors.same()

        kept = list[Any]()
        return Behaviors.receive(receive)

    return node.spawn(Behaviors.sharded(entity, num_shards=6), "accounts")


async def on(node: ClusteredActorSystem, region: RegionRef[Any]) -> str:
    """The id of an entity that runs on that node."""
    for entity in IDS:
        if await region.entity(entity).ask(Where) == node.self_node.node_id:
            return entity
    raise AssertionError("no entity runs there")
