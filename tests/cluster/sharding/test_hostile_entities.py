"""Entities that fail at their hand-off, ids that look alike, and many entities and regions at once."""

import asyncio
from typing import Any

from casty import ActorContext, Behavior, Behaviors, RegionRef
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.sharding.accounts import Accounts, Deposit, GetBalance, Number, Where
from tests.cluster.system.waiting import until


class Unruly(BaseException):
    """No `Exception`, and none that ends a program either."""


def spawn(node: ClusteredActorSystem, misbehave: Any, name: str = "unruly", num_shards: int = 4) -> RegionRef[Any]:
    """Entities that reply to `Where`; any other message makes them misbehave."""
    node_id = node.self_node.node_id

    def entity(_: str) -> Behavior[Any]:
        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            if isinstance(message, Where):
                message.reply_to.tell(node_id)
            else:
                await misbehave(message)
            return Behaviors.same()

        return Behaviors.receive(receive)

    return node.spawn(Behaviors.sharded(entity, num_shards=num_shards), name)


async def test_an_entity_that_raises_a_base_exception_at_its_hand_off_does_not_end_the_hand_off() -> None:
    async def raise_it(_: object) -> None:
        raise Unruly

    async with DevelopmentCluster(2) as (first, second):
        regions = [spawn(node, raise_it) for node in (first, second)]
        entities = [regions[0].entity(f"e{number}") for number in range(20)]
        assert {await entity.ask(Where) for entity in entities} == {"node-1", "node-2"}
        for entity in entities:
            entity.tell("raise")
        await second.leave()
        assert {await entity.ask(Where) for entity in entities} == {"node-1"}


async def test_a_shard_with_many_entities_moves_without_losing_a_message() -> None:
    many = 2_000
    async with DevelopmentCluster(2) as nodes:
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=1) for node in nodes]
        place = await regions[0].entity("e0").ask(Where)
        leaver, stays = (nodes[0], regions[1]) if place == "node-1" else (nodes[1], regions[0])
        for number in range(many):
            stays.entity(f"e{number}").tell(Number("sender", 1))
        leaving = asyncio.ensure_future(leaver.leave())
        await asyncio.sleep(0)
        for number in range(many):
            stays.entity(f"e{number}").tell(Number("sender", 2))
        await leaving
        assert await stays.entity("e0").ask(Where, timeout=60.0) != place
        await until(lambda: sum(map(len, accounts.seen.values())) == 2 * many)
        assert all([line.number for line in lines] == [1, 2] for lines in accounts.seen.values())


async def test_ids_that_differ_by_their_unicode_normal_form_are_two_entities_on_all_nodes() -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=50) for node in (first, second)]
        for region in regions:
            region.entity(composed).tell(Deposit(1))
            region.entity(decomposed).tell(Deposit(10))
        await asyncio.gather(*(region.entity(e).ask(Where) for region in regions for e in (composed, decomposed)))
        for region in regions:
            assert await region.entity(composed).ask(GetBalance) == 2
            assert await region.entity(decomposed).ask(GetBalance) == 20


async def test_a_hundred_regions_at_once_spread_and_reply() -> None:
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        names = [f"region-{number}" for number in range(100)]
        regions = [accounts.spawn(first, name, num_shards=2) for name in names]
        for name in names:
            accounts.spawn(second, name, num_shards=2)
        asks = (region.entity(f"e{number}").ask(Where, timeout=60.0) for region in regions for number in range(4))
        assert set(await asyncio.gather(*asks)) == {"node-1", "node-2"}


async def test_one_name_with_two_factories_gives_each_entity_the_factory_of_its_node() -> None:
    """Which program a node runs is its own concern, as in a rolling update; the entity and its shard are the same."""
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=10) for node in (first, second)]
        places = [await region.entity("alice").ask(Where) for region in regions]
        assert places[0] == places[1]
