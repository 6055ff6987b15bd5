"""Class-based actors of a cluster: one under its name, reached from every node, started again when its node is gone."""

import gc
import weakref
from typing import Any

import pytest
from casty import (
    Actor,
    ActorFailedError,
    ActorSystem,
    ArgumentError,
    Context,
    LocalRef,
    SupervisorConfig,
    on,
)
from casty.cluster import ClusterScope, DevelopmentCluster
from casty.testing import settle

from tests.cluster.objects.reaching import reached
from tests.core.objects.cart import Add, Cart, Crash, GetItems, GetTotal


class Ledger(Actor[Any]):
    """Made with arguments, and acquainted with others."""

    def __init__(self, owner: str, limit: int = 3) -> None:
        self.owner = owner
        self.limit = limit
        self.entries: list[Any] = []

    @on(str)
    async def describe(self, msg: str, ctx: Context) -> None:
        await ctx.reply((self.owner, self.limit, self.entries))

    @on(int)
    async def enter(self, msg: int, ctx: Context) -> None:
        self.entries.append(msg)

    @on(LocalRef)
    async def pay(self, msg: LocalRef[Any], ctx: Context) -> None:
        await msg.send(Add("from a ledger", 7.0))
        await ctx.reply((await msg.ask(GetTotal()), ctx.self_ref))

    @on(Crash)
    async def crash(self, msg: Crash, ctx: Context) -> None:
        raise msg.error


async def test_an_actor_is_the_same_from_every_node() -> None:
    async with DevelopmentCluster(3) as (first, second, third):
        cart = await first.actor(Cart, name="cart", scope="cluster")
        await cart.send(Add("a", 29.99))
        assert await cart.ask(GetTotal()) == 29.99
        for node in (second, third):
            again = await node.actor(Cart, name="cart", scope=ClusterScope(replication=1, consistency="quorum"))
            assert again == cart
            assert await again.ask(GetItems()) == {"a": 29.99}
        other = await third.actor(Cart, name="other", scope="cluster")
        assert await other.ask(GetTotal()) == 0


async def test_arguments_go_to_the_node_that_starts_the_actor() -> None:
    async with DevelopmentCluster(2) as (first, second):
        for name in ("a", "b", "c", "d"):
            ledger = await first.actor(Ledger, name=name, scope="cluster", owner=name, limit=5)
            await ledger.send(1)
            assert await ledger.ask("") == (name, 5, [1])
            same: Any = await second.actor(Ledger, name=name, scope="cluster", owner="ignored")
            assert await same.ask("") == (name, 5, [1])


async def test_references_travel_between_nodes() -> None:
    async with DevelopmentCluster(2) as (first, second):
        carts = [await first.actor(Cart, name=f"cart-{number}", scope="cluster") for number in range(4)]
        for number, cart in enumerate(carts):
            ledger = await second.actor(Ledger, name=f"ledger-{number}", scope="cluster", owner="alice")
            total, itself = await ledger.ask(cart)
            assert total == 7.0
            assert await itself.ask("") == ("alice", 3, [])
            assert itself == ledger


async def test_a_failure_restarts_the_actor_with_its_arguments() -> None:
    async with DevelopmentCluster(2) as (first, _):
        ledger = await first.actor(Ledger, name="ledger", scope="cluster", owner="alice")
        await ledger.send(1)
        with pytest.raises(ActorFailedError, match="crash"):
            await ledger.ask(Crash())
        assert await ledger.ask("") == ("alice", 3, [])


async def test_a_restart_calls_all_hooks(actor_system: ActorSystem) -> None:
    story: list[Any] = []
    KEPT["told"] = story
    cart = await actor_system.actor(Told, name="told", scope="cluster")
    with pytest.raises(ActorFailedError, match="crash"):
        await cart.ask(Crash())
    assert await cart.ask(GetItems()) == {}
    assert [entry if isinstance(entry, str) else entry[0] for entry in story] == [
        *("start", "pre_restart", "start", "post_restart")
    ]


async def test_an_actor_that_has_stopped_leaves_nothing_behind(actor_system: ActorSystem) -> None:
    alive: list[weakref.ref[Any]] = []

    async def one() -> None:
        class Brief(Actor[int]):
            async def receive(self, msg: int, ctx: Context) -> None:
                ctx.stop()
                await ctx.reply(msg)

        alive.append(weakref.ref(Brief))
        assert await (await actor_system.actor(Brief, name="brief", scope="cluster")).ask(1) == 1

    await one()
    await (await actor_system.actor(Cart, name="cart", scope="cluster")).ask(GetItems())
    await settle()
    gc.collect()
    assert alive[0]() is None


KEPT: dict[str, list[Any]] = {}


class Told(Cart):
    def __init__(self) -> None:
        super().__init__(KEPT["told"])


async def test_the_death_of_its_node_starts_it_on_another_one() -> None:
    async with DevelopmentCluster(3) as cluster:
        first, second, third = cluster
        names = [f"ledger-{number}" for number in range(12)]
        ledgers = [await first.actor(Ledger, name=name, scope="cluster", owner=name) for name in names]
        seen = [await node.actor(Ledger, name="ledger-0", scope="cluster", owner="") for node in (second, third)]
        assert set(seen) == {ledgers[0]}
        found = [await second.actor(Ledger, name=name, scope="cluster", owner=name) for name in names]
        await cluster.kill(0)
        for name, ledger in zip(names, found, strict=True):
            owner, _, _ = await reached(ledger, "")
            assert owner == name


async def test_a_class_that_a_node_does_not_know_is_an_error_with_the_cure() -> None:
    async with DevelopmentCluster(1) as (node,):
        entity: Any = node.class_region().entity("nowhere:Missing/name")
        with pytest.raises(
            Exception, match=r"does not know its class nowhere:Missing: import its module on every node"
        ):
            await LocalRef[Any](entity).ask("x", timeout=5.0)


async def test_what_cannot_be_kept_is_refused() -> None:
    async with DevelopmentCluster(1) as (node,):
        with pytest.raises(ArgumentError, match="found by its name, from every node: give it one"):
            await node.actor(Cart, scope="cluster")
        with pytest.raises(ArgumentError, match="that its class declares with @supervised"):
            await node.actor(Cart, name="cart", scope="cluster", supervision=SupervisorConfig())
        with pytest.raises(ArgumentError, match=r"the constructor .*Ledger\(owner: str, limit: int = 3\)"):
            await node.actor(Ledger, name="ledger", scope="cluster")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        with pytest.raises(ArgumentError, match=r"scope of an actor is 'local', 'cluster' or ClusterScope"):
            await node.actor(Cart, name="cart", scope="everywhere")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(ActorFailedError, match="no such table"):
            await node.actor(Broken, name="broken", scope="cluster")


class Broken(Cart):
    def __init__(self) -> None:
        raise OSError("no such table")


async def test_a_local_system_is_a_cluster_of_one_node(actor_system: ActorSystem) -> None:
    cart = await actor_system.actor(Cart, name="cart", scope="cluster")
    await cart.send(Add("a", 1.0))
    again = await actor_system.actor(Cart, name="cart", scope=ClusterScope())
    assert again == cart
    assert await again.ask(GetItems()) == {"a": 1.0}
    other = await actor_system.actor(Cart, name="cart")
    assert await other.ask(GetItems()) == {}, "one that is local is another one"


@pytest.mark.parametrize("wrong", [{"replication": 0}, {"replication": "3"}, {"consistency": "most"}])
def test_scopes_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="of ClusterScope is"):
        ClusterScope(**wrong)
