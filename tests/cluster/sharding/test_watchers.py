"""Many watchers of entities, while their shard moves and when their node is lost: each watcher of an incarnation
is notified once when that ends, and none of a reference to an entity, which goes on elsewhere.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from casty import ActorContext, ActorRef, Behavior, Behaviors, RegionRef, Terminated
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.waiting import until

MANY = 300
"""Entities with one watcher each."""


@dataclass(frozen=True)
class Self:
    """Answered with the running incarnation."""

    reply_to: ActorRef[ActorRef[Any]]


def entity(_: str) -> Behavior[Any]:
    async def receive(ctx: ActorContext[Any], message: Self) -> Behavior[Any]:
        message.reply_to.tell(ctx.self)
        return Behaviors.same()

    return Behaviors.receive(receive)


class Watchers:
    """What they have been notified of."""

    def __init__(self) -> None:
        self.notified = Counter[int]()
        self.watching = 0

    def spawn(self, node: ClusteredActorSystem, ref: ActorRef[Any], number: int) -> None:
        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            assert isinstance(message, Terminated)
            assert message.ref == ref
            self.notified[number] += 1
            return Behaviors.same()

        async def watch(ctx: ActorContext[Any]) -> Behavior[Any]:
            ctx.watch(ref)
            self.watching += 1
            return Behaviors.receive(receive)

        node.spawn(Behaviors.setup(watch))


async def move(cluster: DevelopmentCluster, owner: ClusteredActorSystem) -> None:
    await owner.drain()


async def lose(cluster: DevelopmentCluster, owner: ClusteredActorSystem) -> None:
    lost, other = owner.self_node.node, next(node for node in cluster if node is not owner)
    owner.node.fall_silent()
    other.node.down(lost)


async def answers(region: RegionRef[Any], ids: list[str]) -> list[ActorRef[Any]]:
    return await asyncio.gather(*(region.entity(entity_id).ask(Self, timeout=60.0) for entity_id in ids))


@pytest.mark.parametrize("end", [move, lose])
@pytest.mark.parametrize(("entities", "watchers"), [(1, 1_000), (MANY, MANY)])
async def test_many_watchers_are_notified_once_of_the_end_of_an_incarnation_and_not_of_a_move(
    end: Any, entities: int, watchers: int
) -> None:
    async with DevelopmentCluster(2) as cluster:
        first, second = cluster
        regions = {node: node.spawn(Behaviors.sharded(entity, num_shards=1), "entities") for node in cluster}
        ids = [f"e{number}" for number in range(entities)]
        before = await answers(regions[first], ids)
        owner = first if (await first.shard_state("entities")).shards[0].owner == first.self_node.node else second
        asker = second if owner is first else first
        incarnations = await answers(regions[asker], ids)
        assert [ref.address.path for ref in incarnations] == [ref.address.path for ref in before]
        of_incarnations, of_entities = Watchers(), Watchers()
        for number in range(watchers):
            of_incarnations.spawn(asker, incarnations[number % entities], number)
            of_entities.spawn(asker, regions[asker].entity(ids[number % entities]), number)
        await until(lambda: of_incarnations.watching == of_entities.watching == watchers)
        await end(cluster, owner)
        await until(lambda: of_incarnations.notified.total() >= watchers)
        after = await answers(regions[asker], ids)
        assert not {*after} & {*incarnations}
        assert of_incarnations.notified == dict.fromkeys(range(watchers), 1)
        assert not of_entities.notified
