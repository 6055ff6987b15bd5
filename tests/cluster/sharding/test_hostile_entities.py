"""Entities that fail at their hand-off, ids that look alike, and many entities and regions at once."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import pytest
from casty import ActorContext, Behavior, Behaviors, DeadLetter, RegionRef
from casty.extension import shard_of
from casty_cluster import ClusteredActorSystem, DevelopmentCluster
from casty_cluster.node.driver import Driver
from casty_cluster.sharding.feature import Sharding

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


async def test_an_entity_that_raises_base_exceptions_while_its_shard_is_drained_does_not_end_the_drain() -> None:
    """From a handler that is under way then, and from `post_stop`."""
    gate, raised = asyncio.Event(), Counter[str]()

    def entity(node_id: str) -> Behavior[Any]:
        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            if isinstance(message, Where):
                message.reply_to.tell(node_id)
                return Behaviors.same()
            await gate.wait()
            raised["receive"] += 1
            raise Unruly

        async def post_stop(_: ActorContext[Any]) -> None:
            raised["post_stop"] += 1
            raise Unruly

        return Behaviors.with_lifecycle(Behaviors.receive(receive), post_stop=post_stop)

    async with DevelopmentCluster(2) as (first, second):
        for node in (first, second):
            made = partial(entity, node.self_node.node_id)
            node.spawn(Behaviors.sharded(lambda _, made=made: made(), num_shards=4), "unruly")
        entities = [first.entity_ref("unruly", f"e{number}") for number in range(20)]
        places = [await entity.ask(Where) for entity in entities]
        for ref, place in zip(entities, places, strict=True):
            if place == "node-2":
                ref.tell("raise")
        draining = asyncio.ensure_future(second.drain())
        pair = first.features.find(Sharding).regions["unruly"].pair
        assert pair is not None
        await until(lambda: bool(pair.coordinator.table.moving))
        gate.set()
        await draining
        assert raised["receive"] == places.count("node-2") > 0
        assert raised["post_stop"] >= places.count("node-2")
        assert {await entity.ask(Where) for entity in entities} == {"node-1"}


async def test_a_shard_with_many_entities_moves_without_losing_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 of them, of which 5,000 get messages while the shard moves."""
    monkeypatch.setattr(Driver, "validates", False)
    many, moved = 100_000, 5_000
    async with DevelopmentCluster(2) as nodes:
        letters = list[DeadLetter]()
        for node in nodes:
            node.event_stream.subscribe(DeadLetter, letters.append)
        accounts = Accounts()
        regions = [accounts.spawn(node, num_shards=1) for node in nodes]
        place = await regions[0].entity("e0").ask(Where)
        leaver, stays = (nodes[0], regions[1]) if place == "node-1" else (nodes[1], regions[0])
        for first in range(0, many, 500):
            for number in range(first, first + 500):
                stays.entity(f"e{number}").tell(Number("sender", 1))
            await until(lambda end=first + 500: len(accounts.seen) == end)
        leaving = asyncio.ensure_future(leaver.leave())
        await asyncio.sleep(0)
        for number in range(moved):
            stays.entity(f"e{number}").tell(Number("sender", 2))
        await leaving
        assert await stays.entity("e0").ask(Where, timeout=60.0) != place
        await until(lambda: sum(map(len, accounts.seen.values())) == many + moved)
        assert letters == []
        seen = [[line.number for line in accounts.seen[f"e{number}"]] for number in range(many)]
        assert seen == [[1, 2]] * moved + [[1]] * (many - moved)


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


async def test_a_thousand_regions_at_once_spread_and_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Driver, "validates", False)
    async with DevelopmentCluster(2) as (first, second):
        accounts = Accounts()
        names = [f"region-{number}" for number in range(1_000)]
        regions = [accounts.spawn(first, name, num_shards=2) for name in names]
        for name in names:
            accounts.spawn(second, name, num_shards=2)
        asks = (region.entity(f"e{number}").ask(Where, timeout=60.0) for region in regions for number in range(4))
        assert set(await asyncio.gather(*asks)) == {"node-1", "node-2"}


async def test_one_name_with_two_factories_gives_each_entity_the_factory_of_its_node() -> None:
    """Which program a node runs is its own concern, as in a rolling update; the entity and its shard are the same."""
    async with DevelopmentCluster(2) as (first, second):

        def version(text: str) -> Behavior[Any]:
            async def receive(_: ActorContext[Any], message: Where) -> Behavior[Any]:
                message.reply_to.tell(text)
                return Behaviors.same()

            return Behaviors.receive(receive)

        regions = [
            node.spawn(Behaviors.sharded(lambda _, text=text: version(text), num_shards=10), "accounts")
            for node, text in ((first, "v1"), (second, "v2"))
        ]
        ids = [f"account-{number}" for number in range(30)]
        seen = [[await region.entity(entity).ask(Where) for entity in ids] for region in regions]
        assert seen[0] == seen[1]
        state = await first.shard_state("accounts")
        version_of = {first.self_node.node: "v1", second.self_node.node: "v2"}
        by_shard = {shard.shard: version_of[shard.owner] for shard in state.shards if shard.owner is not None}
        assert seen[0] == [by_shard[shard_of(entity, 10)] for entity in ids]
        assert {*seen[0]} == {"v1", "v2"}
