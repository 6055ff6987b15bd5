"""Durable class-based actors of a cluster, on a journal that all nodes share: the state goes with the actor to another
node. `tests/chaos/objects` has the same with real processes and PostgreSQL.
"""

import asyncio
from typing import Any

import pytest
from casty import Actor, CastyConfig, Context, JournalUnavailableError
from casty.cluster import DevelopmentCluster
from casty.config import JournalConfig
from casty.errors import JournalSetupError

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


@pytest.mark.parametrize("size", [1, 2])
async def test_while_the_journal_is_away_a_reference_is_returned_and_what_is_sent_waits(size: int) -> None:
    """No shard starts without its journal, and so no actor does that could refuse an ask."""
    store = Steered()
    store.away = JournalUnavailableError("the server cannot be reached")
    async with cluster_over(store, size) as cluster:
        carts = [
            await asyncio.wait_for(node.actor(Cart, name="cart", scope="cluster", durable=True), timeout=20)
            for node in cluster
        ]
        await carts[0].send(Add("a"))
        why = "its shard cannot start on this node yet: JournalUnavailableError.'the server cannot be reached'"
        with pytest.raises(TimeoutError, match=why if size == 1 else "did not answer GetItems"):
            await carts[0].ask(GetItems(), timeout=0.1)
        store.away = None
        assert [await cart.ask(GetItems(), timeout=60.0) for cart in carts] == [{"a": 1.0}] * size


async def test_an_actor_that_cannot_wait_for_the_journal_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("casty.objects.entities.START_TIMEOUT", 2.0)
    store = Steered()
    store.away = JournalUnavailableError("the server cannot be reached")
    async with cluster_over(store, 1) as (node,):
        with pytest.raises(TimeoutError, match=r"starts while its journal is away: .*the server cannot be reached"):
            await node.actor(Cart, name="cart", scope="cluster")
        store.away = JournalSetupError("wrong password")
        with pytest.raises(JournalSetupError, match="wrong password"):
            await node.actor(Cart, name="cart", scope="cluster", durable=True)


async def test_a_journal_that_does_not_reply_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("casty.objects.entities.ATTEMPT", 0.1)
    store = Steered()
    store.hangs = asyncio.Event()
    async with cluster_over(store, 1) as (node,):
        cart = await asyncio.wait_for(node.actor(Cart, name="cart", scope="cluster", durable=True), timeout=20)
        await cart.send(Add("a"))
        store.hangs.set()
        assert await cart.ask(GetItems(), timeout=60.0) == {"a": 1.0}


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
