"""Durable class-based actors of a cluster, on a journal that all nodes share: the state goes with the actor to another
node. `tests/chaos/objects` has the same with real processes and PostgreSQL.
"""

from typing import Any

from casty import Actor, CastyConfig, Context
from casty.cluster import DevelopmentCluster
from casty.config import JournalConfig

from tests.cluster.objects.reaching import reached
from tests.core.objects.cart import Add, Cart, GetItems
from tests.core.objects.stores import Steered


def cluster_over(store: Steered, size: int) -> DevelopmentCluster:
    return DevelopmentCluster(size, config=CastyConfig(journal=JournalConfig(url="steered://")), plugins=[store])


async def test_the_state_goes_with_the_actor_to_another_node() -> None:
    async with cluster_over(Steered(), 3) as cluster:
        first, second, _ = cluster
        names = [f"cart-{number}" for number in range(12)]
        for name in names:
            cart = await first.actor(Cart, name=name, scope="cluster", durable=True)
            await cart.send(Add(name))
            assert await cart.ask(GetItems()) == {name: 1.0}
        found = [await second.actor(Cart, name=name, scope="cluster", durable=True) for name in names]
        await cluster.kill(0)
        for name, cart in zip(names, found, strict=True):
            assert await reached(cart, GetItems()) == {name: 1.0}


async def test_classes_of_one_name_in_two_modules_do_not_share_their_states() -> None:
    kinds = [named_counter(module) for module in ("shop", "stock")]
    async with cluster_over(Steered(), 1) as (node,):
        for kind in kinds:
            counter = await node.actor(kind, name="counter", scope="cluster", durable=True)
            assert await counter.ask(1) == 1


def named_counter(module: str) -> type[Actor[Any]]:
    """A class `Counter`, as if that module had it."""

    class Counter(Actor[int]):
        __module__ = module
        __qualname__ = "Counter"

        def __init__(self) -> None:
            self.total = 0

        async def receive(self, msg: int, ctx: Context) -> None:
            self.total += msg
            await ctx.reply(self.total)

    return Counter
